import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import { findLoadBalancer } from '../../store/load-balancers.ts';
import type { MachineHost } from '../../store/machine-hosts.ts';
import type { MachineRecord } from '../../store/machines.ts';
import { machineNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { findVpc } from '../../store/vpcs.ts';
import type { MachineFault } from '../../spec/machine.ts';
import { isConnected } from '../status/nodes.ts';
import type { AddressLack, ObservedNode, PlacementLack } from '../status/observation.ts';
import { wantedAddresses } from './allot.ts';

/** More than that nobody reads. */
const MAX_TOLD = 10;

export interface LackSurroundings {
  nodes: readonly ObservedNode[];
  machines: ReadonlyMap<string, MachineRecord>;
  hosts: ReadonlyMap<string, MachineHost>;
  now: number;
}

/** What keeps a load balancer from having the machines that it should have; empty when nothing does. */
export async function lackOf(
  tx: Tx,
  { placement, vpcId, spec }: LoadBalancerRecord,
  { nodes, machines, hosts, now }: LackSurroundings,
): Promise<{ lack?: PlacementLack }> {
  const having = nodes.filter(({ host }) => host !== undefined);
  if (having.length >= spec.nodes || (placement === 'shared' && spec.nodes === 1)) return {};
  const own = new Set(having.map(({ machine }) => machine.id));
  const others: string[] = [];
  let isComing = false;
  for (const host of hosts.values()) {
    const machine = machines.get(host.machineId);
    if (!machine || host.vpcId !== vpcId || own.has(machine.id)) continue;
    isComing ||= host.phase === 'provisioning';
    if (others.length >= MAX_TOLD) continue;
    others.push(`${machine.name} ${await useOf(tx, machine, host, now)}`);
  }
  const vpc = await findVpc(tx, vpcId);
  const isMaking = (vpc?.spec.driver ?? null) !== null;
  return { lack: { vpc: vpc?.name ?? spec.vpc, others, isMaking, isComing } };
}

/** Whether a VPC that has floating addresses has too few for a load balancer; empty when it has enough. */
export async function addressLackOf(
  tx: Tx,
  { placement, vpcId, spec, floating }: LoadBalancerRecord,
): Promise<{ addressLack?: AddressLack }> {
  const having = floating.filter(({ freeAt }) => freeAt === null).length;
  // Of VPCs, which may be large, only those are read that may be concerned.
  if (placement !== 'own' || having >= wantedAddresses(spec.nodes, false)) return {};
  const vpc = await findVpc(tx, vpcId);
  if (!vpc || vpc.spec.floatingAddresses.length === 0) return {};
  const wanted = wantedAddresses(spec.nodes, vpc.spec.bgp !== undefined);
  return having >= wanted ? {} : { addressLack: { vpc: vpc.name, wanted } };
}

/** What a machine is busy with, as the rest of a sentence. */
async function useOf(tx: Tx, machine: MachineRecord, host: MachineHost, now: number): Promise<string> {
  if (host.phase === 'provisioning') {
    if (!host.made) return 'is being made ready';
    return host.fault ? `cannot be made: ${faultText(host.fault)}` : 'is being made';
  }
  if (host.phase === 'failed') return `could not be made ready (agentmetal machine show ${machine.name})`;
  if (host.phase === 'removing') return 'is being removed';
  if (host.made && host.fault) return `does not run: ${faultText(host.fault)}`;
  const [id] = (await machineNodes(tx, machine.id, 0)).ids;
  const user = id === undefined ? undefined : await findLoadBalancer(tx, id);
  if (user) return `serves ${user.name}`;
  if (host.isDraining) return 'is drained';
  if (!isConnected(machine, now)) return 'is silent';
  return 'is not free yet';
}

function faultText({ detail, hint }: MachineFault): string {
  return hint === null ? detail : `${detail}. ${hint.replace(/\.$/, '')}`;
}
