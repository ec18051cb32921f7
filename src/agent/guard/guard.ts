import { join } from 'node:path';
import type { DesiredLoadBalancer, GuardReport } from '../../api/agent.ts';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { servicePaths } from '../../haproxy/config/paths.ts';
import type { RunningProxy } from '../../haproxy/process/master.ts';
import { withRuntime } from '../../haproxy/runtime/connection.ts';
import { SHOW_BACKEND_STATS, type StatTable, parseStatTable } from '../../haproxy/runtime/stat.ts';
import type { HostLayout } from '../../spec/host-layout.ts';
import { identifyWorker } from '../workers/identity.ts';
import { type States, healthyTargets } from './health.ts';
import { judge } from './judge.ts';
import { createMeter, poolReadings, sumsOf } from './meter.ts';
import { type GuardRecord, guardFile } from './record.ts';
import { advanceTally, beginTally } from './tally.ts';
import { withoutTimed } from './verdict.ts';

type Proxy = Pick<RunningProxy, 'worker'>;

/** Until the new backends have had their first check requests may fail, without that being how it goes on. */
const SETTLE_MS = 1000;
/** How often is told how it goes. */
const TELL_MS = 1000;
/** Looking at how many backends are takes time that grows with them; it may take a twentieth of a core. */
const LOOK_SHARE = 20;
const MAX_REASON = 2000;
const LOST = 'the agent has no notes of how it was before the change, so there is nothing to compare with';

/**
 * Watches a load balancer for some time after a guarded revision is live, and says whether it has become worse. It
 * changes nothing: the control plane, when it hears of it, restores the revision before.
 */
export interface Guard {
  /** Takes in statistics that the serving worker has told; those of pools are enough. */
  take(proxy: Proxy, table: StatTable): void;
  /** Takes in what is wanted now: goes on with the guard that lies on disk, and ends one that nobody wants any more. */
  follow(desired: DesiredLoadBalancer, observedRevision: number): Promise<void>;
  /** Notes how it is just before a guarded revision is applied. */
  begin(desired: DesiredLoadBalancer, states: () => States, proxy: Proxy | undefined): Promise<void>;
  /** Takes in that a revision is live; its time runs from now on. */
  live(revision: number): Promise<void>;
  /** Holds what is now against what was before. To be called every second. */
  look(desired: DesiredLoadBalancer, states: () => States): Promise<void>;
  /** What the control plane is told, until it wants the revision without a guard. */
  report(): GuardReport | undefined;
}

export interface GuardOptions {
  id: string;
  layout: HostLayout;
  clock: Clock;
  logger: Logger;
  /** Called when there is news of the guard. */
  onGuard(): void;
}

export function createGuard({ id, layout, clock, logger, onGuard }: GuardOptions): Guard {
  const paths = servicePaths(id, layout);
  const file = guardFile(join(paths.directory, 'guard.json'));
  const meter = createMeter();
  const identify = createIdentify(clock);
  let type: 'http' | 'tcp' = 'http';
  /** Undefined before it was looked for on disk; null when there is none. */
  let record: GuardRecord | null | undefined;
  let toldAt = 0;
  let nextLook = 0;

  const save = async (next: GuardRecord) => {
    record = next;
    await file
      .write(next)
      .catch((error: unknown) =>
        logger.error({ loadBalancer: id, error: messageOf(error) }, 'cannot note a guard on disk'),
      );
  };
  const forget = async () => {
    if (record === null) return;
    record = null;
    await file.remove();
  };
  const end = async (ended: GuardRecord) => {
    const { revision, verdict } = ended;
    const reason = ended.reason.slice(0, MAX_REASON);
    await save({ ...ended, reason });
    logger.info({ loadBalancer: id, revision, verdict, reason }, 'a guard has ended');
    onGuard();
  };
  const take: Guard['take'] = ({ worker: { pid } }, table) => {
    const worker = identify(pid);
    const readings = poolReadings(table, type);
    const now = clock.now();
    meter.take(worker, readings, now);
    if (record?.liveAt === undefined || record.verdict !== 'watching' || now < record.liveAt + SETTLE_MS)
      return;
    const { tally } = record;
    const sums = sumsOf(readings);
    record = {
      ...record,
      tally: tally ? advanceTally(tally, worker, sums) : beginTally(now, worker, sums),
    };
    // While the agent does not run the counters of one worker go on; from one worker to the next they must be noted.
    if (tally?.worker !== worker) void save(record);
  };
  /** Reads what pools have counted now, so that a stretch of time begins or ends exactly here. */
  const read = async (proxy: Proxy) => {
    try {
      const text = await withRuntime(paths.workerSocket, (runtime) => runtime.send(SHOW_BACKEND_STATS));
      const table = parseStatTable(text);
      if (table) take(proxy, table);
    } catch (error) {
      logger.debug({ loadBalancer: id, error: messageOf(error) }, 'cannot read what pools have counted');
    }
  };

  return {
    take,
    async follow({ revision, guard, spec }, observedRevision) {
      type = spec.type;
      if (record === undefined) record = (await file.read()) ?? null;
      if (!guard || (record && record.revision !== revision)) await forget();
      if (!guard || observedRevision < revision || record?.liveAt !== undefined) return;
      // The agent ended between the last step of the change and its note of it.
      if (record) return save({ ...record, liveAt: clock.now() });
      return end({ ...emptyRecord(revision, guard.durationMs), verdict: 'unknown', reason: LOST });
    },
    async begin({ revision, guard }, states, proxy) {
      if (!guard || record?.revision === revision) return;
      if (proxy) await read(proxy);
      await save({
        ...emptyRecord(revision, guard.durationMs),
        before: withoutTimed(meter.usual(clock.now())),
        healthy: healthyTargets(states()),
      });
      onGuard();
    },
    async live(revision) {
      if (record?.revision !== revision || record.liveAt !== undefined) return;
      await save({ ...record, liveAt: clock.now(), reason: 'the revision is live' });
    },
    async look({ revision, spec }, states) {
      if (record?.revision !== revision || record.verdict !== 'watching') return;
      const { liveAt } = record;
      const begun = performance.now();
      if (liveAt === undefined || begun < nextLook) return;
      const now = clock.now();
      const judgment = judge({ ...record, liveAt }, { spec, states: states(), meter, now });
      record = { ...record, ...judgment };
      nextLook = begun + (performance.now() - begun) * LOOK_SHARE;
      if (judgment.verdict !== 'watching') return end(record);
      if (now - toldAt < TELL_MS) return;
      toldAt = now;
      onGuard();
    },
    report() {
      if (!record) return undefined;
      const { revision, verdict, reason, view } = record;
      return { id, revision, verdict, reason, ...(view ? { view } : {}) };
    },
  };
}

function emptyRecord(revision: number, durationMs: number): GuardRecord {
  const before = { requests: 0, errors: 0 };
  const reason = 'the revision is not live yet';
  return { revision, durationMs, before, healthy: {}, verdict: 'watching', reason };
}

/** Names workers so that a process id that is given again is another one. */
function createIdentify(clock: Clock): (pid: number) => string {
  let known: { pid: number; id: string } | undefined;
  return (pid) => {
    if (known?.pid !== pid) known = { pid, id: identifyWorker(pid, clock.now())?.id ?? `${pid}` };
    return known.id;
  };
}
