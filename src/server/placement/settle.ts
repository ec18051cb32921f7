import {
  listOwnLoadBalancers,
  listShared,
  listUnplaced,
  updatePlacement,
} from '../../store/load-balancers.ts';
import { type NewEvent, tellEvents } from '../../store/events.ts';
import { type MachineHost, listMachineHosts } from '../../store/machine-hosts.ts';
import { type MachineRecord, listMachines, touchMachine } from '../../store/machines.ts';
import { nextChangeVersion } from '../../store/meta.ts';
import { deleteNode, insertNode, listPlacements, touchNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { listReplacements } from '../../store/replacements.ts';
import { listMakingVpcs } from '../../store/vpcs.ts';
import type { ServerContext } from '../context.ts';
import { placedEvent } from '../events/placement.ts';
import type { Named } from '../events/resource.ts';
import { noteReplacements, welcomeReturned } from '../replacement/carry-out.ts';
import { isConnected } from '../status/nodes.ts';
import { settleAddresses } from './settle-addresses.ts';
import { settleMaking } from './settle-making.ts';
import { type PlaceableBalancer, type PlaceableMachine, type PlacementChanges, placeNodes } from './place.ts';

type Context = Pick<ServerContext, 'clock' | 'changes' | 'taken' | 'newId' | 'randomBytes'>;

/**
 * Gives load balancers the machines that they should have, and machines back. Level-triggered: it looks at all there is
 * and may be run at any time.
 * @returns the machines that must look again.
 */
export async function settlePlacement(context: Context, tx: Tx): Promise<string[]> {
  const hosts = await listMachineHosts(tx);
  const vpcs = new Map((await listMakingVpcs(tx)).map((vpc) => [vpc.id, vpc]));
  if (hosts.length === 0 && vpcs.size === 0) return [];
  const staying = hosts.filter(({ phase }) => phase !== 'removing');
  await adoptUnplaced(tx, [...staying.map(({ vpcId }) => vpcId), ...vpcs.keys()]);
  const records = await listOwnLoadBalancers(tx);
  const touched = new Set(await welcomeReturned(context, tx));
  const ids = records.map(({ id }) => id);
  const nodes = ids.length === 0 ? [] : await listPlacements(tx, ids);
  const placed = Map.groupBy(nodes, ({ loadBalancerId }) => loadBalancerId);
  const balancers = records.map(({ id, vpcId, revision, spec }): PlaceableBalancer => {
    const own = (placed.get(id) ?? []).map(({ machineId, position, observedRevision }) => ({
      machineId,
      position,
      isLive: observedRevision >= revision,
    }));
    return { id, vpcId, wanted: spec.nodes, nodes: own };
  });
  const machines = new Map((await listMachines(tx)).map((machine) => [machine.id, machine]));
  const now = context.clock.now();
  const replacements = await listReplacements(tx);
  const lost = new Set(replacements.flatMap(({ state, machineId }) => (state === 'lost' ? [machineId] : [])));
  const placeable = hosts.flatMap((host) => {
    const machine = machines.get(host.machineId);
    if (!machine) return [];
    const { isDraining, ...one } = placeableMachine(context, machine, host, now);
    return [{ ...one, isDraining: isDraining || lost.has(machine.id) }];
  });
  const changes = placeNodes(balancers, placeable.sort(byName));
  for (const id of await carryOut(tx, changes)) touched.add(id);
  const named = { balancers: new Map(records.map((record) => [record.id, record])), machines };
  const told = await noteReplacements(tx, changes, { replacements, ...named, now });
  await tellEvents(tx, [...eventsOf(changes, named), ...told], now);
  const after = nodesAfter(nodes, changes);
  for (const id of await settleAddresses(tx, records, after, now)) touched.add(id);
  await settleMaking(context, tx, { balancers: records, vpcs, hosts, machines, lost, nodes: after });
  return [...touched];
}

/** Those that nobody serves or that should have several nodes, in a VPC that has machines by now, get machines of that VPC. */
async function adoptUnplaced(tx: Tx, vpcIds: readonly string[]): Promise<void> {
  for (const vpcId of new Set(vpcIds)) {
    const several = (await listShared(tx, vpcId)).filter(({ spec }) => spec.nodes > 1);
    for (const id of [...(await listUnplaced(tx, vpcId)), ...several.map((record) => record.id)])
      await updatePlacement(tx, id, 'own');
  }
}

interface Place {
  loadBalancerId: string;
  machineId: string;
}

function nodesAfter<T extends Place>(
  nodes: readonly T[],
  { claims, releases }: PlacementChanges,
): (T | Place)[] {
  const isReleased = (node: Place) =>
    releases.some(
      (release) => release.loadBalancerId === node.loadBalancerId && release.machineId === node.machineId,
    );
  return [...nodes.filter((node) => !isReleased(node)), ...claims];
}

/** A machine of a VPC as far as placing goes, whatever is lost. */
export function placeableMachine(
  { taken }: Pick<Context, 'taken'>,
  machine: MachineRecord,
  host: MachineHost,
  now: number,
): PlaceableMachine {
  const { id, name } = machine;
  const isReady = host.phase === 'ready' && host.address !== null && isConnected(machine, now);
  // An agent that still takes away what it served before is not free yet.
  const isUsable = isReady && taken.of(id) >= machine.changeVersion;
  const isDraining = host.isDraining || host.phase === 'removing';
  const madeFor = host.made ? { madeFor: host.made.loadBalancerId } : {};
  return { id, name, vpcId: host.vpcId, isUsable, isDraining, ...madeFor };
}

async function carryOut(tx: Tx, { claims, releases }: PlacementChanges): Promise<Set<string>> {
  const machineIds = new Set<string>();
  for (const { loadBalancerId, machineId, position } of claims) {
    const joinedVersion = await nextChangeVersion(tx);
    await insertNode(tx, { loadBalancerId, machineId, position, joinedVersion });
  }
  for (const release of releases) {
    await deleteNode(tx, release);
    await touchMachine(tx, release.machineId, await nextChangeVersion(tx));
    machineIds.add(release.machineId);
  }
  // Every node hears of the others.
  for (const id of new Set([...claims, ...releases].map(({ loadBalancerId }) => loadBalancerId)))
    for (const machineId of await touchNodes(tx, id, await nextChangeVersion(tx))) machineIds.add(machineId);
  return machineIds;
}

function byName(left: PlaceableMachine, right: PlaceableMachine): number {
  return left.name < right.name ? -1 : 1;
}

function eventsOf(
  { claims, releases }: PlacementChanges,
  { balancers, machines }: { balancers: ReadonlyMap<string, Named>; machines: ReadonlyMap<string, Named> },
): NewEvent[] {
  const all = [
    ...claims.map((change) => ({ ...change, isNode: true })),
    ...releases.map((change) => ({ ...change, isNode: false })),
  ];
  return all.flatMap(({ loadBalancerId, machineId, isNode }) => {
    const [balancer, machine] = [balancers.get(loadBalancerId), machines.get(machineId)];
    return balancer && machine ? [placedEvent(balancer, machine, isNode)] : [];
  });
}
