import { AppError } from '../../../base/errors.ts';
import { parseNameServer } from '../../../spec/vpc.ts';
import type { VpcDriver } from '../../../spec/vpc-driver.ts';
import type { MachineHost } from '../../../store/machine-hosts.ts';
import type { VpcRecord } from '../../../store/vpcs.ts';
import { firstFreeAddress, hasAddress } from '../../placement/pool.ts';
import { publicNetwork, vpcNetwork, withoutPrefix } from './network.ts';

type Addressed = Pick<MachineHost, 'vpcId' | 'address' | 'publicAddress'>;

/** Who has addresses already. */
export interface Surroundings {
  hosts: readonly Addressed[];
  vpcs: readonly VpcRecord[];
}

/**
 * Addresses for a new machine of a VPC: none that another machine, a host, a name server, a router or the control plane's
 * host has, and none that load balancers hand from node to node.
 * @throws AppError `machine_addresses_exhausted`
 */
export function chooseAddresses(
  vpc: VpcRecord,
  driver: VpcDriver,
  surroundings: Surroundings,
): { address: string; publicAddress: string | null } {
  return {
    address: privateAddress(vpc, driver, surroundings),
    publicAddress: driver.public ? publicAddress(vpc, driver, surroundings) : null,
  };
}

function privateAddress(vpc: VpcRecord, driver: VpcDriver, { hosts }: Surroundings): string {
  const { cidrs, nameServers, floatingAddresses } = vpc.spec;
  const pool = driver.addresses.length > 0 ? driver.addresses : cidrs.slice(0, 1);
  const taken = new Set([
    ...vpc.spec.hosts.flatMap(({ addresses }) => addresses),
    ...nameServers.flatMap((text) => parseNameServer(text)?.address ?? []),
    ...hosts.flatMap(({ vpcId, address }) => (vpcId === vpc.id && address !== null ? [address] : [])),
    ...(driver.gateway === null ? [] : [driver.gateway]),
    ...(driver.bridge === null ? [withoutPrefix(vpcNetwork(vpc, driver).address)] : []),
  ]);
  const free = firstFreeAddress(pool, (each) => taken.has(each) || hasAddress(floatingAddresses, each));
  if (free !== undefined) return free;
  throw exhausted(
    `every address of ${pool.join(', ')} in VPC ${vpc.name} is in use`,
    `Give it more: agentmetal vpc update ${vpc.name} --machine-addresses CIDR`,
  );
}

function publicAddress(vpc: VpcRecord, driver: VpcDriver, { hosts, vpcs }: Surroundings): string {
  const network = publicNetwork(driver);
  const taken = new Set([
    ...hosts.flatMap((host) => host.publicAddress ?? []),
    ...(driver.public?.gateway ? [driver.public.gateway] : []),
    ...(network?.bridge === null ? [withoutPrefix(network.address)] : []),
  ]);
  const isFloating = (each: string) => vpcs.some(({ spec }) => hasAddress(spec.floatingAddresses, each));
  const free = firstFreeAddress(network ? [network.cidr] : [], (each) => taken.has(each) || isFloating(each));
  if (free !== undefined) return free;
  throw exhausted(
    `every address of ${network?.cidr ?? 'no network'}, the public network of VPC ${vpc.name}, is in use`,
    `Delete a load balancer of it, or put the next ones into a VPC with another public network: agentmetal vpc create NAME --cidr CIDR --driver ${driver.type} --public CIDR`,
  );
}

function exhausted(detail: string, hint: string): AppError {
  return new AppError('machine_addresses_exhausted', detail, { hint });
}
