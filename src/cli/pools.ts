import type { LoadBalancer } from '../api/load-balancer.ts';
import { AppError } from '../base/errors.ts';
import type { Pool } from '../spec/pool.ts';
import { DEFAULT_POOL, poolOf, poolsOf } from '../spec/pools-of.ts';
import type { LoadBalancerPatch } from './change-spec.ts';
import type { Options } from './command.ts';
import { suggest } from './suggest.ts';

/** The flag of every command that is about one pool. */
export const POOL_OPTION = {
  pool: { value: 'POOL', summary: 'The pool that is meant', default: DEFAULT_POOL, completes: 'pool' },
} as const satisfies Options;

/** The pool of that name, or the error that names those there are. A patch of one that is not there would make it. */
export function requirePool({ name, spec }: LoadBalancer, pool: string): Pool {
  const found = poolOf(spec, pool);
  if (found) return found;
  const near = suggest(
    pool,
    poolsOf(spec).map(([each]) => each),
  );
  throw new AppError('not_found', `${name} has no pool ${pool}`, {
    hint: near === undefined ? `Make it: agentmetal lb pool create ${name} ${pool}` : `Did you mean: ${near}`,
  });
}

/** A merge patch of fields of one pool, which must be there. */
export function patchOfPool(
  before: LoadBalancer,
  pool: string,
  fields: Record<string, unknown>,
): LoadBalancerPatch {
  requirePool(before, pool);
  return { spec: pool === DEFAULT_POOL ? fields : { pools: { [pool]: fields } } };
}

/** The query that addresses a backend of a pool. */
export function poolQuery(pool: string): { pool?: string } {
  return pool === DEFAULT_POOL ? {} : { pool };
}

/** The flag that names a pool in a command line; none for the default. */
export function poolFlag(pool: string): string {
  return pool === DEFAULT_POOL ? '' : ` --pool ${pool}`;
}
