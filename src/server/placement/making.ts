/** A load balancer of a VPC whose driver makes machines. */
export interface MakingBalancer {
  id: string;
  /** How many nodes it should have. */
  wanted: number;
  /** How many it has and keeps. */
  staying: number;
}

/** A machine that was made, or is being made, and serves nobody. */
export interface SpareMachine {
  id: string;
  /** The load balancer that it was made for. */
  loadBalancerId: string;
  /** What is on it moves away, and it goes when that is done. */
  isDraining: boolean;
  /** Whether it has done all that it was told, or nobody is there to do it. */
  isSettled: boolean;
}

export interface MakingChanges {
  /** For which load balancers how many machines are to be made. */
  make: { loadBalancerId: string; count: number }[];
  /** Machines that nobody needs any more. */
  unmake: string[];
}

/**
 * Decides which machines are made, and which are ended. A machine is made for one load balancer and for no other: what one
 * leaves behind must never be another's, and a fresh one takes seconds.
 * @param spare in the order in which they are kept: the last go first.
 */
export function planMaking(
  balancers: readonly MakingBalancer[],
  spare: readonly SpareMachine[],
): MakingChanges {
  const changes: MakingChanges = { make: [], unmake: [] };
  const kept = new Set<string>();
  for (const { id, wanted, staying } of balancers) {
    const coming = spare.filter(({ loadBalancerId, isDraining }) => loadBalancerId === id && !isDraining);
    const lacking = Math.max(0, wanted - staying);
    for (const machine of coming.slice(0, lacking)) kept.add(machine.id);
    if (lacking > coming.length) changes.make.push({ loadBalancerId: id, count: lacking - coming.length });
  }
  for (const { id, isSettled } of spare) if (isSettled && !kept.has(id)) changes.unmake.push(id);
  return changes;
}
