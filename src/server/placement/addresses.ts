import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import type { MachineHost } from '../../store/machine-hosts.ts';
import type { MachineRecord } from '../../store/machines.ts';
import { ANY_ADDRESS } from '../address-pool.ts';

type Placed = Pick<LoadBalancerRecord, 'address' | 'floating'>;

/** The address on which a load balancer listens on a machine: on one that it has for itself, every one. */
export function listenAddress({ address }: Pick<Placed, 'address'>, host: MachineHost | undefined): string {
  return host ? ANY_ADDRESS : address;
}

/** One of the machines of a load balancer. */
export interface ServingMachine {
  machine: Pick<MachineRecord, 'hostAddresses'>;
  host: MachineHost | undefined;
  /** Whether clients are not sent to its own address. */
  isLeftOut: boolean;
}

/** Addresses on which clients reach a load balancer by one of its machines. */
export function clientAddresses(
  { address, floating }: Placed,
  { machine: { hostAddresses }, host, isLeftOut }: ServingMachine,
): string[] {
  if (!host) return address === ANY_ADDRESS ? hostAddresses : [address];
  const handed = handedAddresses(floating);
  if (handed.length > 0) return handed;
  const own = host.publicAddress ?? host.address;
  return own === null || isLeftOut ? [] : [own];
}

/** Floating addresses that clients are sent to: those that are to stay, and the further ones only once a node has had them. */
export function handedAddresses(floating: Placed['floating']): string[] {
  return floating
    .filter(({ freeAt, isServed }, index) => freeAt === null && (index === 0 || isServed))
    .map(({ address }) => address);
}
