import type { BgpOrder, NodeMember, NodeOrder, SpreadAddress } from '../../api/agent.ts';
import type { FloatingAddress, LoadBalancerRecord } from '../../store/load-balancers.ts';
import { findMachineHost } from '../../store/machine-hosts.ts';
import { findMachine } from '../../store/machines.ts';
import { nodesOf } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { listReplacements } from '../../store/replacements.ts';
import { takingOrder } from './spread.ts';

/** The first has the floating addresses; the others follow from here on down. */
const FIRST_PRIORITY = 150;
const SECOND_PRIORITY = 100;

/** A machine's place among the nodes of a load balancer; undefined when it is none, or has no address yet. */
export async function nodeOrder(
  tx: Tx,
  { id, floating }: Pick<LoadBalancerRecord, 'id' | 'floating'>,
  machineId: string,
  bgp?: BgpOrder,
): Promise<NodeOrder | undefined> {
  const members: (NodeMember & { machineId: string })[] = [];
  for (const node of await nodesOf(tx, [id])) {
    const machine = await findMachine(tx, node.machineId);
    const address = (await findMachineHost(tx, node.machineId))?.address;
    if (!machine || !address) continue;
    const certificate = machine.peerCertificate;
    members.push({
      machineId: machine.id,
      name: machine.name,
      address,
      ...(certificate === null ? {} : { certificate }),
    });
  }
  const index = members.findIndex((member) => member.machineId === machineId);
  const own = members[index];
  if (!own) return undefined;
  const former = await formerAddresses(tx, id);
  const machines = members.map((member) => member.machineId);
  return {
    name: own.name,
    address: own.address,
    ...(bgp ? announced(floating, index) : handed(floating, machines, index)),
    members: members.map(({ name, address, certificate }) => ({
      name,
      address,
      ...(certificate === undefined ? {} : { certificate }),
    })),
    ...(bgp && floating.length > 0 ? { bgp } : {}),
    ...(former.length > 0 ? { former } : {}),
  };
}

type Addresses = Pick<NodeOrder, 'priority' | 'floatingAddresses' | 'routerId' | 'spread'>;

/** All nodes have all of them. */
function announced(floating: readonly FloatingAddress[], index: number): Addresses {
  return { priority: priorityAt(index), floatingAddresses: floating.map(({ address }) => address) };
}

/** One node has the one that there is, in the order of the nodes; of several, each has another order, which begins at its home. */
function handed(floating: readonly FloatingAddress[], machines: readonly string[], index: number): Addresses {
  const [first, ...others] = floating;
  if (!first) return { priority: priorityAt(index), floatingAddresses: [] };
  const machine = machines[index] ?? '';
  const priorityFor = (home: string | null, slot: number) =>
    priorityAt(takingOrder(home, slot, machines).indexOf(machine));
  return {
    priority: others.length === 0 ? priorityAt(index) : priorityFor(first.home, 0),
    floatingAddresses: [first.address],
    routerId: first.routerId,
    ...(others.length === 0
      ? {}
      : {
          spread: others.map(({ address, routerId, home }, further): SpreadAddress => ({
            address,
            routerId,
            priority: priorityFor(home, further + 1),
          })),
        }),
  };
}

/** Of machines that were replaced while they were silent, and have not been heard of since. */
async function formerAddresses(tx: Tx, loadBalancerId: string): Promise<string[]> {
  const addresses: string[] = [];
  for (const { state, machineId } of await listReplacements(tx, [loadBalancerId])) {
    const address = state === 'replaced' ? (await findMachineHost(tx, machineId))?.address : undefined;
    if (address) addresses.push(address);
  }
  return addresses;
}

/** 150 for the first, then 100, 99, … */
export function priorityAt(index: number): number {
  return index === 0 ? FIRST_PRIORITY : SECOND_PRIORITY - (index - 1);
}
