import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import type { LoadBalancerRecord, Placement } from '../../store/load-balancers.ts';
import { hasMachineHosts } from '../../store/machine-hosts.ts';
import type { Tx } from '../../store/open.ts';
import type { VpcRecord } from '../../store/vpcs.ts';
import { validationError } from '../http/read-request.ts';
import type { Locate } from '../load-balancers/rules.ts';

/** Where a new load balancer goes: on machines of its VPC, where that has any or more than one node is wanted. */
export async function placementFor(tx: Tx, vpc: VpcRecord, spec: LoadBalancerSpec): Promise<Placement> {
  return (await hasMachines(tx, vpc)) ? 'own' : placementOfWanted(spec);
}

/** Whether a VPC has machines of its own, or gets them when they are needed. */
async function hasMachines(tx: Tx, { id, spec }: VpcRecord): Promise<boolean> {
  return spec.driver !== null || hasMachineHosts(tx, id);
}

/** Several nodes are several machines, of which the control plane's host is but one. */
export function placementOfWanted({ nodes }: Pick<LoadBalancerSpec, 'nodes'>): Placement {
  return nodes > 1 ? 'own' : 'shared';
}

/** A load balancer cannot go to another VPC where machines are concerned: they reach one VPC alone. */
export async function requireMovable(
  tx: Tx,
  before: LoadBalancerRecord,
  vpc: VpcRecord,
  locate: Locate = (error) => error,
): Promise<void> {
  if (before.placement === 'shared' && !(await hasMachines(tx, vpc))) return;
  const detail = `${before.name} cannot move to VPC ${vpc.name}: its machines, or those there, are in one VPC alone`;
  throw validationError(
    [locate({ pointer: '/spec/vpc', code: 'immutable', detail })],
    'Create another load balancer there, and delete this one when clients have moved.',
  );
}
