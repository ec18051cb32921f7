import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { messageOf } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Finding } from '../../../certificates/reason.ts';
import { CHALLENGES, type HookRequest, readRequest } from './hook.ts';
import { type ChallengePublisher, publishingFault } from './publisher.ts';
import type { PublishedRecords } from './published.ts';

export interface DeskOptions {
  /** Folder of the order. */
  order: string;
  publisher: ChallengePublisher;
  /** Keeps in mind what was published, over restarts. */
  published: PublishedRecords;
  /** Resolves when the value is seen by name servers, to why not otherwise. */
  untilVisible(name: string, value: string, signal: AbortSignal): Promise<Finding | undefined>;
  /** Ends certbot: it would go on to ask the CA though the record is not there. */
  giveUp(): void;
  clock: Clock;
  logger: Logger;
  /** Aborted when the agent ends: what is asked for then is left to the next one. */
  agentEnding: AbortSignal;
}

/** Answers the requests of the hook while certbot runs. */
export interface Desk {
  /** Ends it; answers why a record could not be made, if one could not. */
  close(): Promise<Finding | undefined>;
}

const LOOK_MS = 100;

export function openDesk(options: DeskOptions): Desk {
  const { order, clock, logger, agentEnding } = options;
  const directory = join(order, CHALLENGES);
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, agentEnding]);
  let finding: Finding | undefined;

  const answer = async (file: string) => {
    const request = readRequest(await readFile(join(directory, file), 'utf8'));
    if (request) finding ??= await serve(request, options, signal);
    if (signal.aborted) return;
    if (finding) return options.giveUp();
    await writeFile(join(directory, file.replace(/\.request$/, '.answer')), '');
  };
  const work = async () => {
    const seen = new Set<string>();
    while (!signal.aborted && !finding) {
      try {
        const names = (await readdir(directory)).filter((name) => name.endsWith('.request'));
        const answered = new Set((await readdir(directory)).filter((name) => name.endsWith('.answer')));
        for (const name of names) {
          if (seen.has(name) || answered.has(name.replace(/\.request$/, '.answer'))) continue;
          seen.add(name);
          await answer(name);
        }
      } catch (error) {
        logger.warn({ error: messageOf(error), order }, 'a challenge cannot be answered');
      }
      await clock.sleep(LOOK_MS, signal);
    }
  };
  const done = work();
  return {
    async close() {
      ending.abort();
      await done;
      return finding;
    },
  };
}

async function serve(
  { action, name, value }: HookRequest,
  { publisher, published, untilVisible, logger }: DeskOptions,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  if (action === 'remove') {
    await published
      .remove({ name, value }, publisher)
      .catch((error: unknown) => logger.warn({ error: messageOf(error), name }, 'a TXT record stays behind'));
    return undefined;
  }
  try {
    await published.add({ name, value }, publisher);
  } catch (error) {
    return publishingFault(error);
  }
  return untilVisible(name, value, signal);
}
