import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { type Desk, openDesk } from './challenges/desk.ts';
import type { ChallengePublisher } from './challenges/publisher.ts';
import { createPublishedRecords } from './challenges/published.ts';
import type { Entry } from './entry.ts';
import { findingOf } from './finding-error.ts';
import type { Account } from './orders/account.ts';
import { type OrderResult, collectOrder, placeOrder } from './orders/order.ts';
import { type Run, findRun } from './orders/run.ts';
import type { Preflight } from './preflight/preflight.ts';
import type { AcmeSettings } from './settings.ts';
import type { WantedName } from './wanted.ts';

export interface PlaceOptions {
  settings: AcmeSettings;
  account: Account;
  preflight: Preflight;
  publisher: ChallengePublisher | undefined;
  clock: Clock;
  logger: Logger;
  /** Seconds after which certbot is ended. */
  limitSeconds: number;
  /** Aborted when the agent ends; certbot goes on, and the next agent sees it through. */
  ending: AbortSignal;
}

/** Places an order and sees it through to its end. It never throws. */
export async function obtain(
  entry: Entry,
  { name, challenge }: WantedName,
  options: PlaceOptions,
): Promise<OrderResult> {
  try {
    const { settings, account, publisher, limitSeconds } = options;
    await clearRecords(entry, publisher);
    const run = await placeOrder({
      name,
      challenge,
      directory: entry.paths.order,
      settings,
      account,
      limitSeconds,
    });
    return await seeThrough(entry, run, options);
  } catch (error) {
    return { ok: false, finding: findingOf(error) };
  }
}

/** Sees an order through that an agent of before has placed; undefined when there is none. */
export async function resume(
  entry: Entry,
  options: PlaceOptions,
  onFound: () => void,
): Promise<OrderResult | undefined> {
  const run = await findRun(entry.paths.order);
  if (!run) return undefined;
  onFound();
  return seeThrough(entry, run, options);
}

async function seeThrough(entry: Entry, run: Run, options: PlaceOptions): Promise<OrderResult> {
  const { clock, publisher, logger } = options;
  const desk = publisher && deskFor(entry, run, publisher, options);
  const result = await collectOrder(run, { name: entry.name, directory: entry.paths.order, clock });
  const finding = await desk?.close();
  // What certbot did not get to, because it was ended.
  if (!options.ending.aborted)
    await clearRecords(entry, publisher).catch((error: unknown) =>
      logger.warn({ error: messageOf(error), name: entry.name }, 'a TXT record stays behind'),
    );
  return !result.ok && finding ? { ok: false, finding } : result;
}

function deskFor(
  entry: Entry,
  run: Run,
  publisher: ChallengePublisher,
  { preflight, clock, logger, ending }: PlaceOptions,
): Desk {
  return openDesk({
    order: entry.paths.order,
    publisher,
    published: publishedRecords(entry),
    untilVisible: preflight.untilVisible,
    giveUp: run.stop,
    clock,
    logger,
    agentEnding: ending,
  });
}

/** Takes away what orders of before have left in the zone. */
async function clearRecords(entry: Entry, publisher: ChallengePublisher | undefined): Promise<void> {
  if (publisher) await publishedRecords(entry).clear(publisher);
}

function publishedRecords({ paths }: Entry) {
  return createPublishedRecords(join(paths.directory, 'published.json'));
}
