import { AppError } from '../../base/errors.ts';
import { cidrContains, parseCidr, parseIp } from '../../spec/address.ts';
import {
  type Bridge,
  type Nic,
  type Route,
  ensureBridge,
  networksBeside,
  removeBridge,
  requireBridge,
  shortName,
} from './links.ts';

/** The network of a VPC. */
export interface VpcNetwork {
  /** What tells the VPC from every other, for good. */
  id: string;
  /** The host's bridge that it is; null for one of its own, in a network namespace of its own. */
  bridge: string | null;
  /** The address, with the length of the prefix, that a bridge of its own has. */
  address: string;
}

/** A network on which clients reach machines. */
export interface PublicNetwork {
  /** Such as `203.0.113.16/28`. */
  cidr: string;
  /** The host's bridge that leads there; null for one of its own. */
  bridge: string | null;
  /** The host's address, with the length of the prefix, on a bridge of its own. */
  address: string;
}

/** Where a machine is plugged in. Addresses hold the length of the prefix, such as `10.90.0.11/24`. */
export interface MachineNetwork {
  vpc: VpcNetwork;
  address: string;
  routes: readonly Route[];
  public: (PublicNetwork & { own: string; routes: readonly Route[] }) | null;
}

/** Where the network of a VPC is on this host, for whoever plugs something else in. */
export function placeOfVpc(dataDir: string, { id, bridge }: Pick<VpcNetwork, 'id' | 'bridge'>): Bridge {
  return bridge === null ? { name: 'vpc', namespace: shortName('am-v-', dataDir, id) } : { name: bridge };
}

export async function ensureVpcNetwork(dataDir: string, network: VpcNetwork): Promise<Bridge> {
  const place = placeOfVpc(dataDir, network);
  if (network.bridge === null) await ensureBridge(place, network.address);
  else await requireBridge(network.bridge);
  return place;
}

/** A bridge of the host's is not ours to remove. */
export async function removeVpcNetwork(
  dataDir: string,
  network: Pick<VpcNetwork, 'id' | 'bridge'>,
): Promise<void> {
  if (network.bridge === null) await removeBridge(placeOfVpc(dataDir, network));
}

function placeOfPublic(dataDir: string, { cidr, bridge }: Pick<PublicNetwork, 'cidr' | 'bridge'>): Bridge {
  return { name: bridge ?? shortName('amp', dataDir, cidr) };
}

export async function ensurePublicNetwork(dataDir: string, network: PublicNetwork): Promise<Bridge> {
  const place = placeOfPublic(dataDir, network);
  if (network.bridge !== null) await requireBridge(network.bridge);
  else {
    await requireUnused(place.name, network.cidr);
    await ensureBridge(place, network.address);
  }
  return place;
}

export async function removePublicNetwork(
  dataDir: string,
  network: Pick<PublicNetwork, 'cidr' | 'bridge'>,
): Promise<void> {
  if (network.bridge === null) await removeBridge(placeOfPublic(dataDir, network));
}

/** The network cards of a machine, beside the one by which this host reaches it. */
export async function ensureNics(dataDir: string, network: MachineNetwork): Promise<Nic[]> {
  const { address, routes, public: outside } = network;
  const vpc = await ensureVpcNetwork(dataDir, network.vpc);
  const nics: Nic[] = [{ name: 'eth0', bridge: vpc, address, routes, isIsolated: false }];
  if (!outside) return nics;
  const bridge = await ensurePublicNetwork(dataDir, outside);
  // On a bridge of its own machines of several VPCs may be, which are to meet by no other way than their clients'.
  const isIsolated = outside.bridge === null;
  return [...nics, { name: 'eth1', bridge, address: outside.own, routes: outside.routes, isIsolated }];
}

/** A network that this host has on another interface already would be torn away from there. */
async function requireUnused(own: string, cidr: string): Promise<void> {
  const wanted = parseCidr(cidr);
  const other = (await networksBeside(own)).find(({ network }) => wanted && overlaps(wanted, network));
  if (!other) return;
  throw new AppError(
    'machine_network_failed',
    `the public network ${cidr} is one in which ${other.link} of this host has the address ${other.network}`,
    {
      hint: `Choose another network. Where machines are to be on that very network, plug ${other.link} into a bridge and name it: --public-bridge.`,
    },
  );
}

/** @param address with the length of a prefix, as an interface has it. */
function overlaps(cidr: NonNullable<ReturnType<typeof parseCidr>>, address: string): boolean {
  const [text = '', length = ''] = address.split('/');
  const ip = parseIp(text);
  if (!ip || ip.kind() !== cidr.address.kind()) return false;
  return cidrContains(cidr, ip) || cidrContains({ address: ip, prefix: Number(length) }, cidr.address);
}
