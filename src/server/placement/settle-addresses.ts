import { isDeepStrictEqual } from 'node:util';
import { DEFAULT_DNS_TTL } from '../../spec/dns.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { type FloatingAddress, type LoadBalancerRecord, updateFloating } from '../../store/load-balancers.ts';
import { nextChangeVersion } from '../../store/meta.ts';
import { type NodeRecord, touchNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { findVpc } from '../../store/vpcs.ts';
import { type AddressedBalancer, allotAddresses } from './allot.ts';

/** Clients and resolvers use what they know for longer than they may. */
const KEPT_BEYOND_MS = 600_000;

type PlacedNode = Pick<NodeRecord, 'loadBalancerId' | 'machineId'> & Partial<Pick<NodeRecord, 'role'>>;

/**
 * Gives load balancers the floating addresses that {@link allotAddresses} finds.
 * @param nodes as they are after placing.
 * @returns the machines that must look again.
 */
export async function settleAddresses(
  tx: Tx,
  records: readonly LoadBalancerRecord[],
  nodes: readonly PlacedNode[],
  now: number,
): Promise<string[]> {
  const touched: string[] = [];
  for (const [vpcId, group] of Map.groupBy(records, (record) => record.vpcId)) {
    // Of VPCs in which nobody has or wants any, which may be large, nothing is read.
    if (group.every(({ spec, floating }) => spec.nodes < 2 && floating.length === 0)) continue;
    const vpc = await findVpc(tx, vpcId);
    if (!vpc) continue;
    const { floatingAddresses: pool, bgp } = vpc.spec;
    const allotted = allotAddresses(
      group.map((record) => addressed(record, nodes)),
      { pool, isAnnounced: bgp !== undefined, now },
    );
    for (const [index, { id, floating }] of group.entries()) {
      const next = allotted[index] ?? [];
      if (isDeepStrictEqual(next, floating)) continue;
      await updateFloating(tx, id, next);
      if (isNewsForNodes(floating, next))
        touched.push(...(await touchNodes(tx, id, await nextChangeVersion(tx))));
    }
  }
  return touched;
}

function addressed(
  { id, spec, floating }: LoadBalancerRecord,
  nodes: readonly PlacedNode[],
): AddressedBalancer {
  const own = nodes.filter(({ loadBalancerId }) => loadBalancerId === id);
  const holders = own.flatMap(({ machineId, role }) =>
    heldBy(role, floating).map((each) => [each, machineId] as const),
  );
  return {
    id,
    nodes: spec.nodes,
    machines: own.map(({ machineId }) => machineId),
    floating,
    holders: new Map(holders),
    keepMs: keptFor(spec),
  };
}

/** The addresses that a node has, as it told last: one that tells no addresses has the first, if it has any. */
export function heldBy(
  role: NodeRecord['role'] | undefined,
  [first]: readonly FloatingAddress[],
): readonly string[] {
  if (role?.role !== 'active') return [];
  return role.addresses ?? (first ? [first.address] : []);
}

function keptFor({ dns }: Pick<LoadBalancerSpec, 'dns'>): number {
  return (dns?.ttl ?? DEFAULT_DNS_TTL) * 1000 + KEPT_BEYOND_MS;
}

/** Whether the nodes have to do anything about it: where clients are sent is not theirs. */
function isNewsForNodes(before: readonly FloatingAddress[], after: readonly FloatingAddress[]): boolean {
  const told = (list: readonly FloatingAddress[]) =>
    list.map(({ address, routerId, home }) => ({ address, routerId, home }));
  return !isDeepStrictEqual(told(before), told(after));
}
