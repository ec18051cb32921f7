import { createHash } from 'node:crypto';
import { poolsOf } from '../../spec/load-balancer.ts';
import type { ServiceModel } from '../model.ts';
import { LOCAL_PEER, PEERS } from './names.ts';
import { servicePaths } from './paths.ts';
import { limitsOf } from './rate-limit.ts';
import type { Section } from './section.ts';

/** Whether anything is kept in stick tables. */
export function hasTables(model: ServiceModel): boolean {
  return (
    limitsOf(model).length > 0 || poolsOf(model.spec).some(([, { sticky }]) => sticky?.mode === 'source-ip')
  );
}

/**
 * The one peer is this node itself: a new worker gets the tables from the one before. They meet on an abstract socket,
 * because workers that are locked in reach no path.
 */
export function peerSections(model: ServiceModel): Section[] {
  if (!hasTables(model)) return [];
  const { workerSocket } = servicePaths(model.id, model.layout);
  const place = createHash('sha256').update(workerSocket).digest('hex').slice(0, 24);
  return [{ header: `peers ${PEERS}`, lines: [`peer ${LOCAL_PEER} abns@agentmetal-${place}`] }];
}
