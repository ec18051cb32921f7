import type { Evidence } from '../replacement/judge.ts';

/** A node that clients reach by an address of its own. */
export interface OwnNode {
  machineId: string;
  /** Its agent reports. */
  isReporting: boolean;
  /** By its last report HAProxy runs there. */
  hasServed: boolean;
  /** What others have just seen of it; undefined when nobody has looked. */
  evidence: Evidence | undefined;
  /** Why clients are not sent there; null while they are. */
  leftOut: string | null;
}

/**
 * Decides to which nodes of a load balancer clients are not sent. Silence alone is not enough, as it is not for replacing a machine:
 * somebody beside it must have found that nothing is served there. While no node is known to serve, clients are sent to all. Pure.
 * @returns of each node why, or null.
 */
export function judgeOwn(nodes: readonly OwnNode[]): (string | null)[] {
  const isServing = nodes.some(({ isReporting, hasServed }) => isReporting && hasServed);
  return nodes.map((node) => (isServing ? reasonOf(node) : null));
}

function reasonOf({ isReporting, hasServed, evidence, leftOut }: OwnNode): string | null {
  if (isReporting) return hasServed ? null : 'its HAProxy does not run yet';
  switch (evidence?.kind) {
    case 'gone':
      return `its agent is silent, and nothing takes connections there, as seen from ${evidence.seenBy.join(' and ')}`;
    case 'serves':
      return null;
    case 'unseen':
    case undefined:
      return leftOut;
  }
}
