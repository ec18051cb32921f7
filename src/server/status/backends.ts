import type { BackendStatus, BackendWhy } from '../../api/load-balancer.ts';
import type { Backend } from '../../spec/backend.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { memoized } from '../../base/memo.ts';
import { type PoolBackend, DEFAULT_POOL, allBackends, poolsOf, poolsOfRoute } from '../../spec/pools-of.ts';
import { type Observation, type ObservedNode, nodeProgress } from './observation.ts';

/** What names a backend: the same target may be in several pools. */
export type BackendName = Pick<BackendStatus, 'pool' | 'target'>;

export function backendKey({ pool, target }: BackendName): string {
  return `${pool} ${target}`;
}

/** A backend in a sentence. */
export function backendText({ pool, target }: BackendName): string {
  return pool === DEFAULT_POOL ? target : `${target} of pool ${pool}`;
}

/** What a node has reported, by key. A report is looked at many times before the next one. */
const reportedByKey = memoized(
  (reported: ObservedNode['node']['backends']) =>
    new Map(reported.map((backend) => [backendKey(backend), backend])),
);

/** For so many it is not worth the while to put all in order. */
const FEW = 20;

function someByKey(
  reported: readonly Reported[],
  wanted: readonly Pick<PoolBackend, 'pool' | 'backend'>[],
): ReadonlyMap<string, Reported> {
  const targets = new Set(wanted.map(({ backend }) => backend.target));
  const some = reported.filter(({ target }) => targets.has(target));
  return new Map(some.map((backend) => [backendKey(backend), backend]));
}

/** How each backend of the spec is seen by each node, in the order of the spec. */
export function backendStatuses(observation: Observation): BackendStatus[] {
  return statusesOf(observation, allBackends(observation.record.spec));
}

/** The same of some backends. */
export function statusesOf(
  observation: Observation,
  backends: readonly Pick<PoolBackend, 'pool' | 'backend'>[],
): BackendStatus[] {
  const seen = observation.nodes.map((observed) => ({
    observed,
    byKey:
      backends.length <= FEW
        ? someByKey(observed.node.backends, backends)
        : reportedByKey(observed.node.backends),
  }));
  return backends.flatMap(({ pool, backend: { target } }) =>
    seen.map(({ observed, byKey }) => {
      const reported = byKey.get(backendKey({ pool, target }));
      if (reported) return statusOf(reported, observed);
      return unreported(observation, observed, { pool, target });
    }),
  );
}

type Reported = ObservedNode['node']['backends'][number];

const statuses = new WeakMap<Reported, BackendStatus>();

function statusOf(reported: Reported, { machine }: ObservedNode): BackendStatus {
  const known = statuses.get(reported);
  if (known?.machine === machine.name) return known;
  const { evidence: _evidence, ...seen } = reported;
  const status = { ...seen, machine: machine.name };
  statuses.set(reported, status);
  return status;
}

/** How each node sees one backend, and what shows why. */
export function backendWhy(observation: Observation, name: BackendName): BackendWhy {
  const key = backendKey(name);
  const nodes = observation.nodes.map((observed) => {
    const reported = observed.node.backends.find((backend) => backendKey(backend) === key);
    if (!reported) return unreported(observation, observed, name);
    const { evidence } = reported;
    return { ...statusOf(reported, observed), ...(evidence ? { evidence } : {}) };
  });
  return { ...name, nodes };
}

/** True for a backend that should take new clients. */
function isWanted(backend: Pick<Backend, 'drain' | 'weight'>): boolean {
  return !backend.drain && backend.weight > 0;
}

/** Those that should take new clients. */
export function inService(spec: LoadBalancerSpec, backends: readonly BackendStatus[]): BackendStatus[] {
  const keys = keysInService(spec);
  return backends.filter((backend) => keys.has(backendKey(backend)));
}

/** Several parts of a status ask for them. */
const keysInService = memoized((spec: LoadBalancerSpec): ReadonlySet<string> => {
  const wanted = allBackends(spec).filter(({ backend }) => isWanted(backend));
  return new Set(wanted.map(({ pool, backend: { target } }) => backendKey({ pool, target })));
});

/** The pools whose backends are all down and get traffic all the same. */
export function poolsFailingOpen(
  spec: LoadBalancerSpec,
  backends: readonly BackendStatus[],
): { name: string; since: string }[] {
  const byPool = Map.groupBy(inService(spec, backends), ({ pool }) => pool);
  return poolsOf(spec).flatMap(([name, { failOpen }]) => {
    const members = byPool.get(name) ?? [];
    if (!failOpen || members.length === 0 || members.some(({ state }) => state !== 'down')) return [];
    return [
      {
        name,
        since: members.map(({ since }) => since).reduce((left, right) => (left > right ? left : right)),
      },
    ];
  });
}

/**
 * The pools that clients reach in which no backend takes new ones; those that are empty have none at all. The pool
 * `default` may be empty where routes send to others.
 */
export function poolsWithoutService(spec: LoadBalancerSpec): { name: string; isEmpty: boolean }[] {
  const sentTo = new Set(spec.routes.flatMap(poolsOfRoute));
  const isReached = (name: string, isEmpty: boolean) =>
    sentTo.has(name) || (name === DEFAULT_POOL && (!isEmpty || spec.routes.length === 0));
  return poolsOf(spec)
    .filter(([, { backends }]) => !backends.some(isWanted))
    .map(([name, { backends }]) => ({ name, isEmpty: backends.length === 0 }))
    .filter(({ name, isEmpty }) => isReached(name, isEmpty));
}

function unreported(
  observation: Observation,
  observed: ObservedNode,
  { pool, target }: BackendName,
): BackendStatus {
  return {
    target,
    pool,
    state: 'checking',
    reason: unreportedReason(observation, observed),
    since: observation.record.updatedAt,
    machine: observed.machine.name,
  };
}

function unreportedReason(observation: Observation, observed: ObservedNode): string {
  const { revision } = observation.record;
  const { name } = observed.machine;
  if (observed.node.reportedAt === null) return `waiting for the first report of machine ${name}`;
  const progress = nodeProgress(observation, observed);
  if (progress === 'error')
    return `revision ${revision} failed on machine ${name}, so it is not in service there`;
  if (progress === 'pending') return `revision ${revision} is not live on machine ${name} yet`;
  return `waiting for the next report of machine ${name}`;
}
