import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import type { LoadBalancerRecord, Placement } from '../../store/load-balancers.ts';
import { findMachineHost, hasMachineHosts } from '../../store/machine-hosts.ts';
import { machineIdsOf } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import type { VpcRecord } from '../../store/vpcs.ts';
import { validationError } from '../http/read-request.ts';
import type { Locate } from '../load-balancers/rules.ts';

/** Where a new load balancer goes: on machines of its VPC, where that has any or more than one node is wanted. */
export async function placementFor(tx: Tx, vpc: VpcRecord, spec: LoadBalancerSpec): Promise<Placement> {
  return spec.nodes > 1 || (await hasMachines(tx, vpc)) ? 'own' : 'shared';
}

/** Whether a VPC has machines of its own, or gets them when they are needed. */
async function hasMachines(tx: Tx, { id, spec }: VpcRecord): Promise<boolean> {
  return spec.driver !== null || hasMachineHosts(tx, id);
}

/**
 * Where a load balancer goes with a change. Several nodes are several machines, of which the control plane's host is but
 * one; it serves on while the VPC has none, and when one node is enough again before another has come.
 */
export async function placementAfter(
  tx: Tx,
  before: LoadBalancerRecord,
  { nodes }: Pick<LoadBalancerSpec, 'nodes'>,
): Promise<Placement> {
  if (before.placement === 'shared')
    return nodes > 1 && (await hasMachineHosts(tx, before.vpcId)) ? 'own' : 'shared';
  if (nodes > 1) return 'own';
  const serving = await machineIdsOf(tx, before.id);
  for (const machineId of serving) if (await findMachineHost(tx, machineId)) return 'own';
  return serving.length > 0 || !(await hasMachineHosts(tx, before.vpcId)) ? 'shared' : 'own';
}

/** A load balancer cannot go to another VPC where machines are concerned: they reach one VPC alone. */
export async function requireMovable(
  tx: Tx,
  before: LoadBalancerRecord,
  vpc: VpcRecord,
  locate: Locate = (error) => error,
): Promise<void> {
  if (before.placement === 'shared' && !(await hasMachines(tx, vpc))) return;
  const whose =
    before.placement === 'shared'
      ? `VPC ${vpc.name} has machines of its own, which ${before.name} is not on`
      : `${before.name} is given machines of its VPC, which reach that one alone`;
  const detail = `${before.name} cannot move to VPC ${vpc.name}: ${whose}`;
  throw validationError(
    [locate({ pointer: '/spec/vpc', code: 'immutable', detail })],
    'Create another load balancer there, and delete this one when clients have moved.',
  );
}
