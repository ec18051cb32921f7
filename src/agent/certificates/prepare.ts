import { mkdir } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { type Limits, judgeBudget } from '../../certificates/budget.ts';
import { challengeRecord, isWildcard } from '../../certificates/names.ts';
import type { Finding } from '../../certificates/reason.ts';
import type { Authority } from './authority/authority.ts';
import { type ChallengePublisher, publishingFault } from './challenges/publisher.ts';
import { type Entry, readEntry } from './entry.ts';
import { findingOf } from './finding-error.ts';
import type { Account } from './orders/account.ts';
import type { Preflight } from './preflight/preflight.ts';
import { checkRoom } from './preflight/room.ts';
import type { AcmeSettings } from './settings.ts';
import type { WantedName } from './wanted.ts';

export interface PrepareOptions {
  root: string;
  settings: AcmeSettings;
  limits: Limits | undefined;
  authority: Authority;
  account: Account;
  preflight: Preflight;
  publisher: ChallengePublisher | undefined;
  /** Makes a token that nobody can have foreseen. */
  token(): string;
  clock: Clock;
  /** Orders of all names, for what the CA allows an account. */
  accountOrders(): readonly number[];
}

/** Looks at all that could speak against asking the CA, the cheapest first. It never throws. */
export async function prepare(
  entry: Entry,
  wanted: WantedName,
  options: PrepareOptions,
): Promise<Finding | undefined> {
  try {
    return (await checkMachine(entry, wanted, options)) ?? (await checkOutside(wanted, options));
  } catch (error) {
    return findingOf(error);
  }
}

async function checkMachine(
  entry: Entry,
  { name, challenge, nodes }: WantedName,
  { root, settings, limits, publisher, clock, accountOrders }: PrepareOptions,
): Promise<Finding | undefined> {
  if (settings.fault !== undefined) return { code: 'settings_invalid', detail: settings.fault };
  if (isWildcard(name) && challenge === 'http') return { code: 'wildcard_needs_dns', detail: '' };
  if (challenge === 'dns' && !publisher) return { code: 'no_dns_zone', detail: '' };
  await mkdir(root, { recursive: true, mode: 0o700 });
  if (!entry.isRead) await readEntry(entry);
  return (
    (await checkRoom(root)) ??
    (limits && judgeBudget(entry.record, accountOrders(), limits, { now: clock.now(), nodes }))
  );
}

async function checkOutside(
  { name, challenge, port, others }: WantedName,
  { settings, authority, account, preflight, publisher, token }: PrepareOptions,
): Promise<Finding | undefined> {
  const { meta } = await authority.directory();
  const subject = { name, challenge, port, others, caaIdentities: meta?.caaIdentities ?? [] };
  const isFirst = settings.preflight && account.thumbprint() === undefined;
  // No account is made, and no terms are agreed to, for a name that nobody knows.
  const finding = isFirst ? await preflight.check(subject) : undefined;
  if (finding) return finding;
  const zone = challenge === 'dns' && publisher ? await checkZone(name, publisher, token()) : undefined;
  if (zone) return zone;
  const thumbprint = await account.ensure();
  return settings.preflight ? preflight.check({ ...subject, thumbprint }) : undefined;
}

/** Whether TXT records can be made: what takes a record away that is not there asks for all that making one does. */
async function checkZone(
  name: string,
  publisher: ChallengePublisher,
  token: string,
): Promise<Finding | undefined> {
  try {
    await publisher.remove(challengeRecord(name), token);
    return undefined;
  } catch (error) {
    return publishingFault(error);
  }
}
