import { type GuardTraffic, errorShare, milliseconds, percent } from '../../spec/guard.ts';

/** From when on something counts as worse; docs/guarded-changes.md tells the same. */
export const THRESHOLDS = {
  /** By how much the share of failed requests must rise, from 0 to 1. */
  errorShareRise: 0.05,
  errors: 5,
  requests: 20,
  /** Fewer requests before the change are no share to compare with: it counts as 0. */
  requestsBefore: 5,
  /** How many times the average response time must be exceeded, and by how many milliseconds. */
  slowdown: 2,
  slowdownMs: 100,
  /** Requests over which the response time must have been measured. */
  timed: 50,
} as const;

/** Traffic as it was counted, with how many requests the response time is an average of. */
export interface CountedTraffic extends GuardTraffic {
  timed: number;
}

/** As it is told to others. */
export function withoutTimed({ requests, errors, responseMs }: CountedTraffic): GuardTraffic {
  return { requests, errors, ...(responseMs === undefined ? {} : { responseMs }) };
}

/** How a pool stands against what it was before the change. Only backends that should take clients count. */
export interface PoolHealth {
  pool: string;
  /** Whether any backend was healthy before, one that is gone now included. */
  wasHealthy: boolean;
  wanted: number;
  healthy: number;
  /** Whose first check may still be under way. */
  waiting: number;
  /** Backends that were healthy before and are still wanted. */
  kept: number;
  /** Those of them that are healthy still, or checked anew. */
  keptHealthy: number;
  /** One that is not healthy, and why. */
  example?: string;
}

export interface Evidence {
  type: 'http' | 'tcp';
  before: GuardTraffic;
  /** Stretches of time since the change: the whole of it, and the last minute. */
  after: readonly CountedTraffic[];
  pools: readonly PoolHealth[];
}

/** What has become worse, in words; nothing when nothing has. */
export function violations({ type, before, after, pools }: Evidence): string[] {
  const worse = (judge: (after: CountedTraffic) => string | undefined) =>
    after.flatMap((each) => judge(each) ?? []).slice(0, 1);
  return [
    ...pools.flatMap((pool) => poolViolation(pool) ?? []),
    ...worse((each) => errorViolation(type, before, each)),
    ...worse((each) => timeViolation(before, each)),
  ];
}

function poolViolation(health: PoolHealth): string | undefined {
  const { pool, wasHealthy, wanted, healthy, waiting, kept, keptHealthy, example } = health;
  const because = example === undefined ? '' : ` (${example})`;
  if (wasHealthy && wanted > 0 && healthy === 0 && waiting === 0)
    return `no backend of pool ${pool} is healthy any more${because}`;
  if (keptHealthy < kept / 2)
    return `${keptHealthy} of the ${kept} backends of pool ${pool} that were healthy before still ${keptHealthy === 1 ? 'is' : 'are'}${because}`;
  return undefined;
}

function errorViolation(type: 'http' | 'tcp', before: GuardTraffic, after: GuardTraffic): string | undefined {
  if (after.errors < THRESHOLDS.errors || after.requests < THRESHOLDS.requests) return undefined;
  const usual = before.requests < THRESHOLDS.requestsBefore ? { requests: 0, errors: 0 } : before;
  if (errorShare(after) - errorShare(usual) <= THRESHOLDS.errorShareRise) return undefined;
  const [what, which] =
    type === 'http' ? ['5xx answers', 'requests'] : ['connections that reach no backend', 'connections'];
  return `the share of ${what} rose from ${percent(usual)} to ${percent(after)} (${after.errors} of ${after.requests} ${which})`;
}

function timeViolation(before: GuardTraffic, after: CountedTraffic): string | undefined {
  if (before.responseMs === undefined || after.responseMs === undefined) return undefined;
  if (after.timed < THRESHOLDS.timed) return undefined;
  const isSlow = after.responseMs > before.responseMs * THRESHOLDS.slowdown;
  if (!isSlow || after.responseMs - before.responseMs <= THRESHOLDS.slowdownMs) return undefined;
  return `the average response time rose from ${milliseconds(before.responseMs)} to ${milliseconds(after.responseMs)} over ${after.timed} requests`;
}
