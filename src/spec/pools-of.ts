import { memoized } from '../base/memo.ts';
import type { Backend } from './backend.ts';
import type { LoadBalancerSpec } from './load-balancer.ts';
import type { Pool } from './pool.ts';
import type { Route } from './route.ts';

/** The pool that the fields at the top of the spec make. */
export const DEFAULT_POOL = 'default';

/** All pools by name, the one at the top first. */
export const poolsOf = memoized(
  (spec: LoadBalancerSpec): readonly (readonly [name: string, pool: Pool])[] => [
    [DEFAULT_POOL, spec],
    ...Object.entries(spec.pools),
  ],
);

/** The pool of that name; undefined when there is none. */
export function poolOf(spec: LoadBalancerSpec, name: string): Pool | undefined {
  if (name === DEFAULT_POOL) return spec;
  return Object.hasOwn(spec.pools, name) ? spec.pools[name] : undefined;
}

/** The spec with some fields of one pool set. */
export function withPool(spec: LoadBalancerSpec, name: string, fields: Partial<Pool>): LoadBalancerSpec {
  const pool = poolOf(spec, name);
  if (name === DEFAULT_POOL || !pool) return { ...spec, ...fields };
  return { ...spec, pools: { ...spec.pools, [name]: { ...pool, ...fields } } };
}

/** Where the fields of a pool are in a load balancer, as the segments of a JSON pointer. */
export function poolPath(name: string): string[] {
  return name === DEFAULT_POOL ? ['spec'] : ['spec', 'pools', name];
}

/** A backend and the pool that it is in. */
export interface PoolBackend {
  pool: string;
  /** Its place in the pool. */
  index: number;
  backend: Backend;
}

/** The backends of all pools, in the order of the spec. */
export function allBackends(spec: LoadBalancerSpec): PoolBackend[] {
  return poolsOf(spec).flatMap(([pool, { backends }]) =>
    backends.map((backend, index) => ({ pool, index, backend })),
  );
}

/** The pools to which a route sends. */
export function poolsOfRoute({ pool, split = [] }: Pick<Route, 'pool' | 'split'>): string[] {
  return [...(pool === undefined ? [] : [pool]), ...split.map((part) => part.pool)];
}

/** Names of the routes that send to a pool. */
export function routesTo({ routes }: Pick<LoadBalancerSpec, 'routes'>, pool: string): string[] {
  return routes.filter((route) => poolsOfRoute(route).includes(pool)).map(({ name }) => name);
}
