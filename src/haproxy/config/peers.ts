import { createHash } from 'node:crypto';
import { poolsOf } from '../../spec/load-balancer.ts';
import type { ServiceModel } from '../model.ts';
import { AGENT_PEER, LOCAL_PEER, PEERS } from './names.ts';
import { servicePaths } from './paths.ts';
import { limitsOf } from './rate-limit.ts';
import type { Section } from './section.ts';

/** Whether anything is kept in stick tables. */
export function hasTables(model: ServiceModel): boolean {
  return (
    limitsOf(model).length > 0 || poolsOf(model.spec).some(([, { sticky }]) => sticky?.mode === 'source-ip')
  );
}

/** The abstract socket on which the workers of a load balancer meet: workers that are locked in reach no path. */
export function peerAddress({ id, layout }: Pick<ServiceModel, 'id' | 'layout'>): string {
  const { workerSocket } = servicePaths(id, layout);
  return `agentmetal-${createHash('sha256').update(workerSocket).digest('hex').slice(0, 24)}`;
}

/**
 * This node is a peer of itself: a new worker gets the tables from the one before. The agent is the other one: it tells
 * a worker that has none before it that there is nothing to wait for.
 */
export function peerSections(model: ServiceModel): Section[] {
  if (!hasTables(model)) return [];
  const address = peerAddress(model);
  return [
    {
      header: `peers ${PEERS}`,
      lines: [`peer ${LOCAL_PEER} abns@${address}`, `peer ${AGENT_PEER} abns@${address}-agent`],
    },
  ];
}
