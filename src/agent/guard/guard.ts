import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DesiredLoadBalancer, GuardReport, LoadBalancerReport } from '../../api/agent.ts';
import type { Clock } from '../../base/clock.ts';
import { formatDuration } from '../../base/duration.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { servicePaths } from '../../haproxy/config/paths.ts';
import type { RunningProxy } from '../../haproxy/process/master.ts';
import { withRuntime } from '../../haproxy/runtime/connection.ts';
import { SHOW_BACKEND_STATS, type StatTable, parseStatTable } from '../../haproxy/runtime/stat.ts';
import { type GuardView, describeView } from '../../spec/guard.ts';
import type { HostLayout } from '../../spec/host-layout.ts';
import { identifyWorker } from '../workers/identity.ts';
import { healthyTargets, poolsHealth } from './health.ts';
import { createMeter, poolReadings, sumsOf } from './meter.ts';
import { type GuardRecord, readRecord, removeRecord, writeRecord } from './record.ts';
import { advanceTally, beginTally, counted } from './tally.ts';
import { type CountedTraffic, type PoolHealth, violations } from './verdict.ts';

type States = LoadBalancerReport['backends'];

/** So late an end, or so old a look, leaves a gap in which anything may have happened. */
const GAP_MS = 15_000;
const MINUTE_MS = 60_000;
/** How often is told how it goes. */
const TELL_MS = 1000;
const MAX_REASON = 2000;

/**
 * Watches a load balancer for some time after a guarded revision is live, and says whether it has become worse. It
 * changes nothing: the control plane, when it hears of it, restores the revision before.
 */
export interface Guard {
  /** Takes in all statistics, or those of pools, that the serving worker has told. */
  take(proxy: Pick<RunningProxy, 'worker'>, table: StatTable): void;
  /** Takes in what is wanted now: goes on with the guard that lies on disk, and ends one that nobody wants any more. */
  follow(desired: DesiredLoadBalancer, observedRevision: number): Promise<void>;
  /** Notes how it is just before a guarded revision is applied. */
  begin(desired: DesiredLoadBalancer, states: States, proxy: RunningProxy | undefined): Promise<void>;
  /** Takes in that the revision is live; the time runs from now on. */
  live(revision: number, proxy: RunningProxy): Promise<void>;
  /** Holds what is now against what was before. To be called every second. */
  look(desired: DesiredLoadBalancer, states: () => States): Promise<void>;
  /** What the control plane is told; undefined when there is no guard. */
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
  const file = join(paths.directory, 'guard.json');
  const meter = createMeter();
  let type: 'http' | 'tcp' = 'http';
  let worker: { pid: number; id: string } | undefined;
  /** Undefined before it was looked for on disk; null when there is none. */
  let record: GuardRecord | null | undefined;
  let toldAt = 0;

  const save = async (next: GuardRecord) => {
    record = next;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeRecord(file, next).catch((error: unknown) =>
      logger.error({ loadBalancer: id, error: messageOf(error) }, 'cannot note the guard on disk'),
    );
  };
  const end = async (current: GuardRecord, verdict: GuardRecord['verdict'], reason: string) => {
    await save({ ...current, verdict, reason: reason.slice(0, MAX_REASON) });
    logger[verdict === 'passed' ? 'info' : 'warn'](
      { loadBalancer: id, revision: current.revision, verdict, reason },
      'the guard of a revision has ended',
    );
    onGuard();
  };
  const identify = (pid: number): string => {
    if (worker?.pid !== pid) worker = { pid, id: identifyWorker(pid, clock.now())?.id ?? `${pid}` };
    return worker.id;
  };
  const take: Guard['take'] = ({ worker: { pid } }, table) => {
    const serving = identify(pid);
    const readings = poolReadings(table, type);
    meter.take(serving, readings, clock.now());
    if (!record || record.liveAt === undefined || record.verdict !== undefined) return;
    const before = record.tally;
    const sums = sumsOf(readings);
    record.tally = before ? advanceTally(before, serving, sums) : beginTally(serving, sums, false);
    // The counters of one worker go on while the agent does not run; from one to the next they must be noted.
    if (before && before.worker !== serving) void save(record);
  };
  /** Reads what pools have counted now, so that a stretch of time begins or ends exactly here. */
  const read = async (proxy: RunningProxy | undefined) => {
    if (!proxy) return;
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
      if (record === undefined) record = (await readRecord(file)) ?? null;
      if (record && record.revision !== revision) record = null;
      if (!guard) {
        record = null;
        return removeRecord(file);
      }
      if (observedRevision < revision) return;
      const now = clock.now();
      if (!record) return end(lost(revision, guard.durationMs), 'unknown', LOST);
      // The agent ended between the last step of the change and this note.
      if (record.liveAt === undefined) return save({ ...record, liveAt: now });
      const over = now - (record.liveAt + record.durationMs);
      if (record.verdict === undefined && over > GAP_MS)
        await end(record, 'unknown', `the agent did not run when the guard’s time was over`);
    },
    async begin({ revision, guard, spec }, states, proxy) {
      type = spec.type;
      if (!guard || record?.revision === revision) return;
      await read(proxy);
      const { timed: _, ...before } = meter.usual(clock.now());
      await save({
        revision,
        durationMs: guard.durationMs,
        before,
        healthy: Object.fromEntries(
          Object.entries(healthyTargets(states)).map(([pool, targets]) => [pool, [...targets]]),
        ),
        ...(proxy ? { workerBefore: identify(proxy.worker.pid) } : {}),
        reason: 'the revision is not live yet',
      });
      onGuard();
    },
    async live(revision, proxy) {
      if (!record || record.revision !== revision || record.liveAt !== undefined) return;
      await read(proxy);
      const current = record;
      const serving = identify(proxy.worker.pid);
      current.liveAt = clock.now();
      // A worker that began with the revision counts from its beginning.
      if (serving !== current.workerBefore) {
        const zero = { requests: 0, errors: 0 };
        current.tally = beginTally(serving, zero, true);
      }
      await save({ ...current, reason: 'watching' });
      await read(proxy);
    },
    async look(desired, states) {
      const current = record;
      if (!current || current.revision !== desired.revision) return;
      if (current.liveAt === undefined || current.verdict !== undefined) return;
      const now = clock.now();
      const liveForMs = now - current.liveAt;
      const { spec } = desired;
      const pools = poolsHealth({ spec, states: states(), before: current.healthy, liveForMs });
      const lately = meter.since(Math.max(current.liveAt, now - MINUTE_MS));
      const whole: CountedTraffic = { ...lately, ...(current.tally ? counted(current.tally) : {}) };
      const reasons = violations({ type, before: current.before, after: [whole, lately], pools });
      const leftMs = Math.max(0, current.durationMs - liveForMs);
      current.view = viewOf({ before: current.before, after: whole, pools, leftMs });
      if (reasons.length > 0) return end(current, 'violated', reasons.join('; '));
      if (leftMs === 0) {
        const stale = now - meter.lastAt() > GAP_MS;
        const duration = formatDuration(current.durationMs);
        if (stale) return end(current, 'unknown', 'HAProxy did not answer while it was to be watched');
        return end(current, 'passed', `nothing got worse in ${duration}: ${describeView(current.view)}`);
      }
      current.reason = describeView(current.view);
      if (now - toldAt < TELL_MS) return;
      toldAt = now;
      onGuard();
    },
    report() {
      if (!record) return undefined;
      const { revision, verdict = 'watching', reason, view } = record;
      return { id, revision, verdict, reason, ...(view ? { view } : {}) };
    },
  };
}

const LOST = 'the agent has no notes of how it was before the change, so there is nothing to compare with';

function lost(revision: number, durationMs: number): GuardRecord {
  return { revision, durationMs, before: { requests: 0, errors: 0 }, healthy: {}, reason: LOST };
}

interface ViewInput {
  before: GuardRecord['before'];
  after: CountedTraffic;
  pools: readonly PoolHealth[];
  leftMs: number;
}

function viewOf({ before, after, pools, leftMs }: ViewInput): GuardView {
  const { timed: _, ...traffic } = after;
  return {
    secondsLeft: Math.ceil(leftMs / 1000),
    before,
    after: traffic,
    healthy: pools.reduce((sum, { healthy }) => sum + healthy, 0),
    total: pools.reduce((sum, { wanted }) => sum + wanted, 0),
  };
}
