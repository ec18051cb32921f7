import type { BackendStatus } from '../../api/load-balancer.ts';
import type { Backend } from '../../spec/backend.ts';
import { type Observation, type ObservedNode, nodeProgress } from './observation.ts';

export const DEFAULT_POOL = 'default';

/** How each backend of the spec is seen by each node, in the order of the spec. */
export function backendStatuses(observation: Observation): BackendStatus[] {
  const seen = observation.nodes.map((observed) => ({
    observed,
    byTarget: new Map(observed.node.backends.map((backend) => [backend.target, backend])),
  }));
  return observation.record.spec.backends.flatMap(({ target }) =>
    seen.map(({ observed, byTarget }) => {
      const reported = byTarget.get(target);
      if (reported) return { ...reported, machine: observed.machine.name };
      return unreported(observation, observed, target);
    }),
  );
}

/** True for a backend that should take new clients. */
export function isWanted(backend: Pick<Backend, 'drain' | 'weight'>): boolean {
  return !backend.drain && backend.weight > 0;
}

function unreported(observation: Observation, observed: ObservedNode, target: string): BackendStatus {
  return {
    target,
    pool: DEFAULT_POOL,
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
