import type { Backend } from './backend.ts';
import type { LoadBalancerSpec } from './load-balancer.ts';
import type { Pool } from './pool.ts';
import { DEFAULT_POOL, poolOf } from './pools-of.ts';

/**
 * The same spec, in which backends that are as before are the very objects of before. What is made of a backend is kept
 * with the object, so a change costs what has changed, not what there is.
 */
export function shareBackends(
  before: LoadBalancerSpec | undefined,
  after: LoadBalancerSpec,
): LoadBalancerSpec {
  if (!before) return after;
  const sharedOf = (name: string, { backends }: Pool) => {
    const known = poolOf(before, name)?.backends;
    return known ? shareList(known, backends) : backends;
  };
  const pools = Object.entries(after.pools).map(
    ([name, pool]) => [name, { ...pool, backends: sharedOf(name, pool) }] as const,
  );
  return { ...after, backends: sharedOf(DEFAULT_POOL, after), pools: Object.fromEntries(pools) };
}

function shareList(before: readonly Backend[], after: readonly Backend[]): Backend[] {
  let byTarget: Map<string, Backend> | undefined;
  return after.map((backend, index) => {
    let known = before[index];
    if (known?.target !== backend.target) {
      byTarget ??= new Map(before.map((entry) => [entry.target, entry]));
      known = byTarget.get(backend.target);
    }
    return known && isSame(known, backend) ? known : backend;
  });
}

function isSame(one: Backend, other: Backend): boolean {
  const fields = Object.keys(one) as (keyof Backend)[];
  return (
    fields.length === Object.keys(other).length &&
    fields.every((field) => {
      const [left, right] = [one[field], other[field]];
      return left === right || (typeof left === 'object' && JSON.stringify(left) === JSON.stringify(right));
    })
  );
}
