import { messageOf } from '../../base/errors.ts';
import type { Owner } from '../../dns/ownership.ts';
import {
  type DnsRecordRow,
  deleteDnsRecord,
  hurryDomain,
  listDnsRecords,
  saveDnsRecord,
  updateDnsRecord,
} from '../../store/dns-records.ts';
import { type DnsZoneRecord, findDnsZone, listDnsZones } from '../../store/dns-zones.ts';
import { findLoadBalancer } from '../../store/load-balancers.ts';
import { readMeta } from '../../store/meta.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { type Outcome, attemptInZone, attemptWithoutZone } from './attempt.ts';
import { type ReadBalancers, createBalancerReader } from './balancers.ts';
import { desiredRecords, keyOf, syncRecords } from './desired.ts';
import { tellDns } from './events.ts';
import { nextLook } from './schedule.ts';

/** Addresses of machines may change without anybody telling us. */
const PASS_EVERY_MS = 15_000;
const AT_ONCE = 8;
/** A pass is followed by a rest of so many times its length. */
const REST_FACTOR = 9;
const WITHOUT_ZONE = '';

/** Keeps the DNS records of all load balancers as they should be. */
export interface DnsReconciler {
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

type Context = Pick<ServerContext, 'store' | 'clock' | 'changes' | 'zones' | 'lookup' | 'log' | 'closing'>;

/**
 * Compares what should be with what was found, whenever something changes and every now and then, and works off what is
 * due: one zone at a time by one worker, so that a provider that hangs holds up its own zones alone.
 */
export function startDnsReconciler(context: Context, random: () => number = Math.random): DnsReconciler {
  const { changes, clock, closing, log, store } = context;
  const stopping = new AbortController();
  const over = AbortSignal.any([stopping.signal, closing]);
  const workers = new Map<string, Promise<void>>();
  const watch = changes.watch('dns');
  const readBalancers = createBalancerReader();
  const startWorker = (zoneId: string, due: readonly DnsRecordRow[]) => {
    const done = workOff(context, { zoneId, due, random, over })
      .catch((error: unknown) => log.error({ err: error, zoneId }, 'DNS records could not be looked after'))
      .finally(() => {
        workers.delete(zoneId);
        changes.notify('dns');
      });
    workers.set(zoneId, done);
  };
  /** Starts what is due, and answers how long it is until something else is. */
  const pass = async (): Promise<number> => {
    const now = clock.now();
    const rows = await store.transaction((tx) => compare(tx, readBalancers, now));
    const idle = rows.filter(({ zoneId }) => !workers.has(zoneId));
    const due = idle.filter(({ nextAt }) => nextAt <= now);
    for (const [zoneId, part] of Map.groupBy(due, (row) => row.zoneId)) startWorker(zoneId, part);
    return idle
      .filter(({ nextAt }) => nextAt > now)
      .reduce((soonest, { nextAt }) => Math.min(soonest, nextAt - now), PASS_EVERY_MS);
  };
  const run = async () => {
    while (!over.aborted) {
      const startedAt = performance.now();
      const waitMs = await pass().catch((error: unknown) => {
        log.error({ err: error }, `the DNS records could not be compared: ${messageOf(error)}`);
        return PASS_EVERY_MS;
      });
      // With very many domains a pass takes its time; many writes one after another must not make it all there is.
      await clock.sleep((performance.now() - startedAt) * REST_FACTOR, over);
      await watch.next(waitMs, over);
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
      await Promise.all(workers.values());
      watch.close();
    },
  };
}

/** Brings the kept records in line with the specs and answers all of them. */
async function compare(tx: Tx, readBalancers: ReadBalancers, now: number): Promise<DnsRecordRow[]> {
  const [kept, zones, balancers] = [
    await listDnsRecords(tx),
    await listDnsZones(tx),
    await readBalancers(tx),
  ];
  const desired = desiredRecords(balancers, new Map(zones.map((zone) => [zone.name, zone])));
  const { save, forget } = syncRecords(kept, desired, now);
  for (const row of save) await saveDnsRecord(tx, row);
  for (const row of forget) await deleteDnsRecord(tx, row);
  const rows = new Map([...kept, ...save].map((row) => [keyOf(row), row]));
  for (const row of forget) rows.delete(keyOf(row));
  return [...rows.values()];
}

interface Due {
  zoneId: string;
  due: readonly DnsRecordRow[];
  random: () => number;
  over: AbortSignal;
}

async function workOff(context: Context, { zoneId, due, random, over }: Due): Promise<void> {
  const keep = async (row: DnsRecordRow, outcome: Outcome) => {
    // What was broken off says nothing; the next start looks again.
    if (!over.aborted) await keepOutcome(context, row, outcome, random);
  };
  if (zoneId === WITHOUT_ZONE) {
    const queue = [...due];
    const worker = async () => {
      for (let row = queue.shift(); row && !over.aborted; row = queue.shift())
        await keep(row, await attemptWithoutZone(context.lookup, row));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return;
  }
  const { zone, controlPlane } = await context.store.transaction(async (tx) => ({
    zone: await findDnsZone(tx, zoneId),
    controlPlane: (await readMeta(tx, 'control_plane_id')) ?? '',
  }));
  if (!zone) return context.store.transaction((tx) => forgetAll(tx, due));
  await workOffZone(context, { zone, controlPlane, due, over, keep });
}

interface ZoneWork {
  zone: DnsZoneRecord;
  controlPlane: string;
  due: readonly DnsRecordRow[];
  over: AbortSignal;
  keep(row: DnsRecordRow, outcome: Outcome): Promise<void>;
}

async function workOffZone(
  context: Context,
  { zone, controlPlane, due, over, keep }: ZoneWork,
): Promise<void> {
  const provider = await context.zones.of(zone);
  const describeOwner = (owner: Owner) => ownerText(context, owner, controlPlane);
  // What is to go goes first: another load balancer may be waiting for the same domain.
  const inOrder = due.toSorted(
    (left, right) => Number(right.state === 'removing') - Number(left.state === 'removing'),
  );
  let unreachable: Outcome | undefined;
  for (const row of inOrder) {
    if (over.aborted) return;
    const outcome = unreachable ?? (await attemptInZone(provider, row, { controlPlane, describeOwner }));
    if (outcome.kind === 'fault' && outcome.isUnreachable) unreachable = outcome;
    await keep(row, outcome);
  }
}

async function forgetAll(tx: Tx, rows: readonly DnsRecordRow[]): Promise<void> {
  for (const row of rows) await deleteDnsRecord(tx, row);
}

/** Writes down what was found, and wakes those who wait for news of the load balancer. */
async function keepOutcome(
  { store, clock, changes }: Context,
  row: DnsRecordRow,
  outcome: Outcome,
  random: () => number,
): Promise<void> {
  const now = clock.now();
  if (outcome.kind === 'removed') {
    return store.transaction(async (tx) => {
      await deleteDnsRecord(tx, row);
      await hurryDomain(tx, row.domain, now);
      await tellDns(tx, row, outcome, now);
    });
  }
  const next = seen(row, outcome, now);
  const ageMs = now - Date.parse(next.since);
  const nextAt = Math.round(now + nextLook(next.state, { ageMs, attempts: next.attempts }, random));
  await store.transaction(async (tx) => {
    // What has been changed in the meantime is looked at again, and told of then.
    if (await updateDnsRecord(tx, { ...next, nextAt }, row.nextAt)) await tellDns(tx, row, outcome, now);
  });
  if (next.state !== row.state) changes.notify(`nodes:${row.loadBalancerId}`);
}

function seen(row: DnsRecordRow, outcome: Exclude<Outcome, { kind: 'removed' }>, now: number): DnsRecordRow {
  const isFault = outcome.kind === 'fault';
  const state = isFault ? faultState(row) : outcome.state;
  const since = state === row.state ? row.since : new Date(now).toISOString();
  const seenNow = isFault ? row.seen : (outcome.seen ?? row.seen);
  const attempts = isFault ? row.attempts + 1 : 0;
  return { ...row, state, since, seen: seenNow, message: outcome.message, attempts };
}

/** What is to be removed stays so until it is. */
function faultState({ state, zoneId }: DnsRecordRow): DnsRecordRow['state'] {
  if (state === 'removing') return 'removing';
  return zoneId === WITHOUT_ZONE ? 'unknown' : 'failed';
}

async function ownerText(
  { store }: Context,
  { controlPlane, loadBalancer }: Owner,
  own: string,
): Promise<string> {
  if (controlPlane !== own) return `another AgentMetal control plane (${controlPlane}); they are left alone`;
  const record = await store.transaction((tx) => findLoadBalancer(tx, loadBalancer));
  return record
    ? `load balancer ${record.name}: a domain leads to one alone`
    : 'a load balancer that is gone; they are removed now';
}
