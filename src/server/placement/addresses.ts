import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import type { MachineHost } from '../../store/machine-hosts.ts';
import type { MachineRecord } from '../../store/machines.ts';
import { ANY_ADDRESS } from '../address-pool.ts';

type Placed = Pick<LoadBalancerRecord, 'address' | 'floatingAddress'>;

/** The address on which a load balancer listens on a machine: on one that it has for itself, every one. */
export function listenAddress({ address }: Pick<Placed, 'address'>, host: MachineHost | undefined): string {
  return host ? ANY_ADDRESS : address;
}

/** Addresses on which clients reach a load balancer by one of its machines. */
export function clientAddresses(
  { address, floatingAddress }: Placed,
  { hostAddresses }: Pick<MachineRecord, 'hostAddresses'>,
  host: MachineHost | undefined,
): string[] {
  if (!host) return address === ANY_ADDRESS ? hostAddresses : [address];
  const own = floatingAddress ?? host.publicAddress ?? host.address;
  return own === null ? [] : [own];
}
