import type { BackendState } from '../../api/load-balancer.ts';
import type { Backend } from '../../spec/backend.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { DEFAULT_POOL, poolOf, poolsOf, poolsOfRoute } from '../../spec/pools-of.ts';
import type { NewEvent } from '../../store/events.ts';
import { backendKey } from '../status/backends.ts';
import { type Named, ofLoadBalancer } from './resource.ts';

/** Of so many that take clients one is well, or it has been told that they are not. */
const MANY_SERVING = 100;
const OUT: ReadonlySet<BackendState> = new Set(['down', 'unresolved', 'maintenance']);

/** A pool of which somebody has drained backends, and what may serve in their place. */
export interface DrainedPool {
  pool: string;
  /** Those that were drained, or whose weight is 0 now. */
  drained: readonly Pick<Backend, 'target' | 'drain'>[];
  /** Those that are to take clients still; whether they can is another matter. */
  rest: readonly string[];
}

/** The pools that clients reach in which a change has drained backends and has left few. Pure, and cheap where nothing was. */
export function drainedPools(before: LoadBalancerSpec, after: LoadBalancerSpec): DrainedPool[] {
  const knownOf = (pool: string) => poolOf(before, pool)?.backends ?? [];
  const changed = poolsOf(after).filter(
    ([pool, { backends }]) => knownOf(pool) !== backends && backends.some(isIdle),
  );
  if (changed.length === 0) return [];
  const reached = new Set([DEFAULT_POOL, ...after.routes.flatMap(poolsOfRoute)]);
  return changed.flatMap(([pool, { backends }]) => {
    const known = knownOf(pool);
    if (!reached.has(pool)) return [];
    const rest = backends.filter((backend) => !isIdle(backend)).map(({ target }) => target);
    if (rest.length > MANY_SERVING) return [];
    const served = new Set(known.filter((backend) => !isIdle(backend)).map(({ target }) => target));
    const drained = backends.filter((backend) => isIdle(backend) && served.has(backend.target));
    return drained.length > 0 ? [{ pool, drained, rest }] : [];
  });
}

/**
 * Tells of pools whose last serving backend was drained. Pure.
 * @param nodes what each node has told of the backends.
 */
export function lastDrainedEvents(
  lb: Named,
  pools: readonly DrainedPool[],
  nodes: readonly { backends: readonly { pool: string; target: string; state: BackendState }[] }[],
  author: string,
): NewEvent[] {
  const told = Map.groupBy(
    nodes.flatMap(({ backends }) => backends),
    backendKey,
  );
  const isOut = (pool: string) => (target: string) => {
    const states = told.get(backendKey({ pool, target }));
    return states?.every(({ state }) => OUT.has(state)) ?? false;
  };
  return pools.flatMap(({ pool, drained, rest }) => {
    // When none of them served, nothing has ended, and that it is so was told before.
    if (!rest.every(isOut(pool)) || drained.every(({ target }) => isOut(pool)(target))) return [];
    return [lastDrainedEvent(lb, { pool, drained, rest }, author)];
  });
}

function lastDrainedEvent(lb: Named, { pool, drained, rest }: DrainedPool, author: string): NewEvent {
  const [{ target, drain } = { target: '', drain: true }] = drained;
  const which = drained.length === 1 ? `${target} was` : `${target} and ${drained.length - 1} more were`;
  const others = rest.length === 0 ? '' : ', and of the others none is up';
  const flag = pool === DEFAULT_POOL ? '' : ` --pool ${pool}`;
  const words = `${lb.name} ${target}${flag}`;
  const back = drain ? `enable ${words}` : `set ${words} --weight 1`;
  return {
    type: 'backend.last_drained',
    severity: 'warning',
    resource: ofLoadBalancer(lb),
    subject: pool,
    message: `pool ${pool} of ${lb.name} takes no new clients any more: ${which} drained (${author})${others}. Take one back: agentmetal lb backend ${back}`,
    details: {
      pool,
      drained: drained.slice(0, 20).map((each) => each.target),
      drainedCount: drained.length,
      author,
    },
  };
}

function isIdle({ drain, weight }: Backend): boolean {
  return drain || weight === 0;
}
