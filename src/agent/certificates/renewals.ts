import { mkdir, readdir, rm } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { createLimit } from '../../base/limit.ts';
import type { Logger } from '../../base/logger.ts';
import { decide } from '../../certificates/decision.ts';
import { nameOfFolder } from '../../certificates/names.ts';
import type { Finding } from '../../certificates/reason.ts';
import { type CaWord, revocationText } from '../../certificates/revocation.ts';
import type { Authority } from './authority/authority.ts';
import {
  type Entry,
  closeOrder,
  dueAt,
  keepBundle,
  newEntry,
  readEntry,
  saveRecord,
  waitUntil,
} from './entry.ts';
import { findingOf } from './finding-error.ts';
import type { Account } from './orders/account.ts';
import type { OrderResult } from './orders/order.ts';
import { afterFailure, afterStart, afterSuccess, afterWord, hold } from './outcome.ts';
import { namesDirectory } from './paths.ts';
import { type PlaceOptions, obtain, resume } from './place.ts';
import { type PrepareOptions, prepare } from './prepare.ts';
import type { WantedName } from './wanted.ts';

/** All names of this machine, and the loop that has their certificates obtained and renewed. */
export interface Renewals {
  /** Every name that there is something of. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** Reads what lies on the disk, and takes up orders that were being placed. */
  load(): Promise<void>;
  /** Replaces what is wanted. */
  want(names: ReadonlyMap<string, WantedName>): void;
  /** Orders a new certificate for a name, whatever the age of the one in use. */
  renewNow(name: string): void;
  /** Notes that a certificate cannot be served, and orders another. */
  fail(entry: Entry, finding: Finding): Promise<void>;
  /** Notes what its CA says of the certificate in use, and orders another when it is revoked. */
  hear(entry: Entry, word: CaWord): void;
  /** Works until the signal; runs of certbot go on after it and are taken up at the next start. */
  run(signal: AbortSignal): Promise<void>;
}

export interface RenewalsOptions {
  root: string;
  authority: Authority;
  account: Account;
  preparing: Omit<PrepareOptions, 'accountOrders'>;
  placing: PlaceOptions;
  clock: Clock;
  /** Source of randomness in [0, 1). */
  random(): number;
  logger: Logger;
  /** Called whenever the state of a name is another one. */
  onChange(name: string): void;
}

/** Orders at a time: certbot is a second of work for a processor. */
const ORDERS = 4;
/** Looks at what could speak against an order cost nearly nothing, but some wait for name servers that are silent. */
const LOOKS = 16;
const LONGEST_NAP_MS = 60_000;
/** How long a name that nobody wants any more is remembered, for a load balancer that is made anew. */
const KEEP_MS = 7 * 86_400_000;
const ADVICE_AGAIN_MS = 3_600_000;

export function createRenewals(options: RenewalsOptions): Renewals {
  const { root, clock, random, logger, account, authority, onChange } = options;
  const entries = new Map<string, Entry>();
  /** What is being written down of orders that have ended. */
  const settling = new Set<Promise<void>>();
  const orders = createLimit(ORDERS);
  const looks = createLimit(LOOKS);
  const never = new AbortController().signal;
  let wanted: ReadonlyMap<string, WantedName> = new Map();
  let nap = new AbortController();
  let stop: AbortSignal = never;

  const ring = () => nap.abort();
  const preparing: PrepareOptions = {
    ...options.preparing,
    accountOrders: () => [...entries.values()].flatMap(({ record }) => record.orders),
  };
  const save = (entry: Entry) =>
    saveRecord(entry).catch((error: unknown) =>
      logger.error(
        { error: messageOf(error), name: entry.name },
        'cannot note the state of a certificate on disk',
      ),
    );
  /** Works on a name alone. Whatever goes wrong is a finding. */
  const occupy = async (entry: Entry, work: () => Promise<unknown>) => {
    entry.isBusy = true;
    try {
      await work();
    } catch (error) {
      hold(entry, findingOf(error), clock.now());
    } finally {
      entry.isBusy = false;
      entry.isOrdering = false;
      onChange(entry.name);
      ring();
    }
  };

  const settle = async (entry: Entry, result: OrderResult) => {
    const now = clock.now();
    if (result.ok) {
      await keepBundle(entry, result.chain, result.key);
      entry.record = afterSuccess(entry.record, now, random());
      entry.isOrdering = false;
      entry.holds = 0;
      entry.heldUntil = 0;
      entry.heardUpTo = 0;
      await saveRecord(entry);
      return closeOrder(entry, false);
    }
    await fail(entry, result.finding);
    await closeOrder(entry, true);
  };
  const fail = async (entry: Entry, finding: Finding) => {
    const thumbprint = account.thumbprint();
    const isReplaced =
      finding.code === 'account_gone' && thumbprint !== undefined && (await account.discard(thumbprint));
    entry.record = afterFailure(entry, finding, clock.now(), random());
    entry.isOrdering = false;
    if (isReplaced) delete entry.record.backoffUntil;
    const { code, detail } = finding;
    logger.warn({ name: entry.name, code, detail }, 'an order for a certificate has failed');
    await save(entry);
  };

  /** An agent that ends leaves what it has begun to the next one. */
  const settleUnlessEnding = async (entry: Entry, result: OrderResult) => {
    if (stop.aborted) return;
    const settled = settle(entry, result);
    settling.add(settled);
    await settled.finally(() => settling.delete(settled));
  };

  const order = async (entry: Entry, subject: WantedName) => {
    entry.record = afterStart(entry.record, clock.now());
    // An order that is not written down could be placed again and again.
    await saveRecord(entry);
    entry.isOrdering = true;
    onChange(entry.name);
    await settleUnlessEnding(entry, await obtain(entry, subject, options.placing));
  };
  /** Sees an order through that an agent of before has placed, or whose certificate could not be written down. */
  const finish = async (entry: Entry): Promise<boolean> => {
    const left = await resume(entry, options.placing, () => {
      entry.isOrdering = true;
    });
    if (left) await settleUnlessEnding(entry, left);
    return left !== undefined;
  };
  const attempt = async (entry: Entry, subject: WantedName) => {
    if (await finish(entry)) return;
    const finding = await looks.run(() => prepare(entry, subject, preparing), stop);
    if (stop.aborted) return;
    if (finding) {
      if (hold(entry, finding, clock.now())) await save(entry);
      return;
    }
    // What lies on the disk may have been read only now.
    if (decision(entry, subject).kind === 'order') await orders.run(() => order(entry, subject), stop);
  };

  const decision = (entry: Entry, { autoRenew }: WantedName) =>
    decide(
      {
        hasCertificate: entry.issued !== undefined,
        dueAt: dueAt(entry),
        autoRenew,
        isAsked: entry.record.isAsked === true,
        waitUntil: waitUntil(entry),
      },
      clock.now(),
    );
  const takeAdvice = async (entry: Entry, chain: string) => {
    try {
      const { window, lookAt } = await authority.renewalAdvice(chain);
      if (chain !== entry.chain || stop.aborted) return;
      const { window: _, ...rest } = entry.record;
      entry.record = { ...rest, ...(window ? { window } : {}), adviceAt: lookAt };
      await save(entry);
    } catch (error) {
      logger.debug({ error: messageOf(error), name: entry.name }, 'the CA gives no advice when to renew');
      entry.record = { ...entry.record, adviceAt: clock.now() + ADVICE_AGAIN_MS };
    }
  };

  /** Begins what is to be done with a name now; answers when to look again at the latest. */
  const turn = (entry: Entry, subject: WantedName): number => {
    const now = clock.now();
    if (entry.isBusy) return now + LONGEST_NAP_MS;
    const { chain, record } = entry;
    if (chain !== undefined && subject.autoRenew && (record.adviceAt ?? 0) <= now) {
      void occupy(entry, () => looks.run(() => takeAdvice(entry, chain), stop));
      return now + LONGEST_NAP_MS;
    }
    const next = decision(entry, subject);
    if (next.kind === 'wait')
      return Math.min(next.until ?? now + LONGEST_NAP_MS, record.adviceAt ?? Number.POSITIVE_INFINITY);
    void occupy(entry, () => attempt(entry, subject));
    return now + LONGEST_NAP_MS;
  };
  const isForgotten = ({ issued, record, isBusy, isRead }: Entry) =>
    isRead && !isBusy && Math.max(issued?.notAfter ?? 0, record.lastAttemptAt ?? 0) + KEEP_MS < clock.now();
  const clearAway = async (entry: Entry) => {
    entries.delete(entry.name);
    await rm(entry.paths.directory, { recursive: true, force: true });
  };
  const tick = (): number => {
    const times = [...entries.values()].map((entry) => {
      const subject = wanted.get(entry.name);
      if (subject) return turn(entry, subject);
      if (isForgotten(entry)) void occupy(entry, () => clearAway(entry));
      return Number.POSITIVE_INFINITY;
    });
    return Math.min(clock.now() + LONGEST_NAP_MS, ...times);
  };

  const loadOne = async (name: string) => {
    const entry = newEntry(root, name, random());
    entries.set(name, entry);
    try {
      await readEntry(entry);
    } catch (error) {
      logger.error({ error: messageOf(error), name }, 'the files of a certificate cannot be read');
      hold(entry, findingOf(error), clock.now());
    }
    void occupy(entry, () => finish(entry));
  };

  return {
    entries,
    async load() {
      try {
        await account.load();
        await mkdir(namesDirectory(root), { recursive: true, mode: 0o700 });
        const names = (await readdir(namesDirectory(root))).map(nameOfFolder);
        await Promise.all(names.flatMap((name) => (name === undefined ? [] : loadOne(name))));
      } catch (error) {
        logger.error({ error: messageOf(error) }, 'the certificates on disk cannot be read');
      }
    },
    want(names) {
      wanted = names;
      for (const name of names.keys())
        if (!entries.has(name)) entries.set(name, newEntry(root, name, random()));
      ring();
    },
    renewNow(name) {
      const entry = entries.get(name);
      if (!entry) return;
      const { backoffUntil: _, ...rest } = entry.record;
      entry.record = { ...rest, isAsked: true };
      entry.heldUntil = 0;
      void save(entry);
      ring();
    },
    fail,
    hear(entry, word) {
      // Several load balancers may ask the CA, and the one that asked first tells it last.
      if (word.saidAt < entry.heardUpTo) return;
      entry.heardUpTo = word.saidAt;
      const record = afterWord(entry, word, clock.now(), random());
      if (!record) return;
      entry.record = record;
      entry.heldUntil = 0;
      if (word.revocation)
        logger.error({ name: entry.name }, `a certificate was ${revocationText(word.revocation)}`);
      void save(entry);
      onChange(entry.name);
      ring();
    },
    async run(signal) {
      stop = signal;
      while (!signal.aborted) {
        nap = new AbortController();
        const until = tick();
        await clock.sleep(Math.max(0, until - clock.now()), AbortSignal.any([signal, nap.signal]));
      }
      // What has begun to be written down is written to its end.
      await Promise.allSettled([...settling, ...[...entries.values()].map(({ saved }) => saved)]);
    },
  };
}
