import type { BgpOrder, NodeMember, NodeOrder } from '../../api/agent.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import { findMachineHost } from '../../store/machine-hosts.ts';
import { findMachine } from '../../store/machines.ts';
import { nodesOf } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { listReplacements } from '../../store/replacements.ts';

/** The first has the floating addresses; the others follow from here on down. */
const FIRST_PRIORITY = 150;
const SECOND_PRIORITY = 100;

/** A machine's place among the nodes of a load balancer; undefined when it is none, or has no address yet. */
export async function nodeOrder(
  tx: Tx,
  { id, floatingAddress }: Pick<LoadBalancerRecord, 'id' | 'floatingAddress'>,
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
  return {
    name: own.name,
    priority: priorityAt(index),
    address: own.address,
    floatingAddresses: floatingAddress === null ? [] : [floatingAddress],
    members: members.map(({ name, address, certificate }) => ({
      name,
      address,
      ...(certificate === undefined ? {} : { certificate }),
    })),
    ...(bgp && floatingAddress !== null && members.length > 1 ? { bgp } : {}),
    ...(former.length > 0 ? { former } : {}),
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
