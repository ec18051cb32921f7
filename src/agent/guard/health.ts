import type { LoadBalancerReport } from '../../api/agent.ts';
import { durationMs } from '../../base/duration.ts';
import type { Backend } from '../../spec/backend.ts';
import { checkOfBackend } from '../../spec/health-check.ts';
import { type LoadBalancerSpec, poolsOf } from '../../spec/load-balancer.ts';
import type { Pool } from '../../spec/pool.ts';
import type { PoolHealth } from './verdict.ts';

type State = Pick<LoadBalancerReport['backends'][number], 'pool' | 'target' | 'state' | 'reason'>;
/** How each backend is. */
export type States = readonly State[];

/** Targets that are healthy, by pool. */
export type HealthyTargets = Record<string, string[]>;

export function healthyTargets(states: States): HealthyTargets {
  const healthy = states.filter(({ state }) => state === 'up');
  return Object.fromEntries(
    [...Map.groupBy(healthy, ({ pool }) => pool)].map(([pool, list]) => [
      pool,
      list.map(({ target }) => target),
    ]),
  );
}

export interface HealthInput {
  spec: LoadBalancerSpec;
  states: States;
  before: HealthyTargets;
  /** Milliseconds since the revision is live. */
  liveForMs: number;
}

/** How each pool stands against what it was. What the change itself removed or drained is not missed. */
export function poolsHealth({ spec, states, before, liveForMs }: HealthInput): PoolHealth[] {
  const byPool = Map.groupBy(states, ({ pool }) => pool);
  return poolsOf(spec).map(([name, pool]) => {
    const seen = new Map((byPool.get(name) ?? []).map((state) => [state.target, state]));
    const healthyBefore = new Set(Object.hasOwn(before, name) ? before[name] : []);
    return poolHealth(name, { pool, seen, healthyBefore, liveForMs });
  });
}

interface PoolInput {
  pool: Pool;
  seen: ReadonlyMap<string, State>;
  healthyBefore: ReadonlySet<string>;
  liveForMs: number;
}

function poolHealth(name: string, { pool, seen, healthyBefore, liveForMs }: PoolInput): PoolHealth {
  const wanted = pool.backends.filter(({ drain, weight }) => !drain && weight > 0);
  const isUp = ({ target }: Backend) => seen.get(target)?.state === 'up';
  const isWaiting = (backend: Backend) =>
    (seen.get(backend.target)?.state ?? 'checking') === 'checking' && liveForMs < graceMs(pool, backend);
  const kept = wanted.filter(({ target }) => healthyBefore.has(target));
  const faulty = wanted.find((backend) => !isUp(backend) && !isWaiting(backend));
  const fault = faulty && seen.get(faulty.target);
  return {
    pool: name,
    wasHealthy: healthyBefore.size > 0,
    wanted: wanted.length,
    healthy: wanted.filter(isUp).length,
    waiting: wanted.filter(isWaiting).length,
    kept: kept.length,
    keptHealthy: kept.filter((backend) => isUp(backend) || isWaiting(backend)).length,
    ...(fault ? { example: `${fault.target} is ${fault.state}: ${fault.reason}` } : {}),
  };
}

/** The agent has HAProxy make the first check at once, and looks for the answer each second. */
const FIRST_LOOK_MS = 2000;

/** The time in which the first check of a backend answers, even when it is left to HAProxy's rhythm. */
function graceMs(pool: Pool, { healthCheck }: Backend): number {
  const { interval, timeout } = checkOfBackend(pool.healthCheck, healthCheck);
  return durationMs(interval) + durationMs(timeout) + FIRST_LOOK_MS;
}
