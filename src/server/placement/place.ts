/** A machine as far as placing goes. */
export interface PlaceableMachine {
  id: string;
  name: string;
  vpcId: string;
  /** Ready, its agent reports, and it has done all that it was told before. */
  isUsable: boolean;
  /** What is on it moves away: somebody said so, or it is taken for lost. */
  isDraining: boolean;
  /** The load balancer that it was made for, and that alone gets it; absent where any may have it. */
  madeFor?: string;
}

/** A node that there is. */
export interface PlacedNode {
  machineId: string;
  /** Its place among the nodes: the lowest is the first. */
  position: number;
  /** Whether the newest revision is live there. */
  isLive: boolean;
}

/** A load balancer that has machines of its VPC for itself. */
export interface PlaceableBalancer {
  id: string;
  vpcId: string;
  /** How many nodes it should have. */
  wanted: number;
  nodes: readonly PlacedNode[];
}

export interface PlacementChanges {
  /** Machines that become nodes. */
  claims: { loadBalancerId: string; machineId: string; position: number }[];
  /** Machines that are nodes no more. */
  releases: { loadBalancerId: string; machineId: string }[];
}

/**
 * Decides which machines load balancers get and give back. A load balancer has its machines for itself. A node whose
 * machine is drained, or lost, is given up only when another has taken its place, and nothing is moved for any other
 * reason: a machine that is silent for a while keeps what it serves.
 * @param balancers in the order in which they get machines, which is the order in which they came.
 */
export function placeNodes(
  balancers: readonly PlaceableBalancer[],
  machines: readonly PlaceableMachine[],
): PlacementChanges {
  const byId = new Map(machines.map((machine) => [machine.id, machine]));
  const taken = new Set(balancers.flatMap(({ nodes }) => nodes.map(({ machineId }) => machineId)));
  const changes: PlacementChanges = { claims: [], releases: [] };
  for (const balancer of balancers) {
    const staying = balancer.nodes.filter(({ machineId }) => isStaying(byId.get(machineId), balancer.vpcId));
    claimMissing(balancer, staying, { machines, taken, changes });
    for (const { machineId } of superfluous(balancer, staying, byId))
      changes.releases.push({ loadBalancerId: balancer.id, machineId });
  }
  return changes;
}

function isStaying(machine: PlaceableMachine | undefined, vpcId: string): boolean {
  return machine?.vpcId === vpcId && !machine.isDraining;
}

function claimMissing(
  { id, vpcId, wanted, nodes }: PlaceableBalancer,
  staying: readonly PlacedNode[],
  {
    machines,
    taken,
    changes,
  }: { machines: readonly PlaceableMachine[]; taken: Set<string>; changes: PlacementChanges },
): void {
  const free = machines
    .filter((machine) => machine.isUsable && isStaying(machine, vpcId) && !taken.has(machine.id))
    .filter(({ madeFor = id }) => madeFor === id)
    .toSorted((left, right) => Number(right.madeFor === id) - Number(left.madeFor === id));
  let position = nodes.reduce((last, node) => Math.max(last, node.position), -1);
  for (const machine of free.slice(0, Math.max(0, wanted - staying.length))) {
    position += 1;
    taken.add(machine.id);
    changes.claims.push({ loadBalancerId: id, machineId: machine.id, position });
  }
}

/** Nodes to give up: those to be left once enough others serve, and those beyond what is wanted. */
function superfluous(
  { wanted, nodes }: PlaceableBalancer,
  staying: readonly PlacedNode[],
  machines: ReadonlyMap<string, PlaceableMachine>,
): PlacedNode[] {
  const worth = (node: PlacedNode) =>
    (node.isLive ? 2 : 0) + (machines.get(node.machineId)?.isUsable ? 1 : 0);
  const best = (list: readonly PlacedNode[]) =>
    list.toSorted((left, right) => worth(right) - worth(left) || left.position - right.position);
  const leaving = nodes.filter((node) => !staying.includes(node));
  const lacking = Math.max(0, wanted - staying.filter(({ isLive }) => isLive).length);
  return [...best(leaving).slice(lacking), ...best(staying).slice(wanted)];
}
