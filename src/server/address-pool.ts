import { AppError } from '../base/errors.ts';
import { type Cidr, cidrHosts, formatIp, parseCidr, parseIp } from '../spec/address.ts';
import type { Listening } from '../store/load-balancers.ts';

/** The addresses on which load balancers may listen. */
export type AddressPool =
  | { kind: 'all' }
  | { kind: 'list'; addresses: string[] }
  | { kind: 'cidr'; cidr: Cidr };

/** All addresses of the machine at once. */
export const ANY_ADDRESS = '*';

/** Reads a pool: a CIDR, addresses by commas, or `*` for all addresses of the machine. */
export function parseAddressPool(text: string): AddressPool {
  const trimmed = text.trim();
  if (trimmed === ANY_ADDRESS) return { kind: 'all' };
  const cidr = parseCidr(trimmed);
  if (cidr) return { kind: 'cidr', cidr };
  const addresses = trimmed.split(',').map((part) => {
    const ip = parseIp(part.trim());
    return ip && formatIp(ip);
  });
  if (addresses.every((address) => address !== undefined))
    return { kind: 'list', addresses: [...new Set(addresses)] };
  throw new AppError('invalid_request', `the address pool ${JSON.stringify(text)} cannot be read`, {
    hint: 'Give a CIDR such as 127.80.0.0/24, addresses by commas, or * (--address-pool, AGENTMETAL_ADDRESS_POOL).',
  });
}

/** The address for a new load balancer: one that nobody uses, or else one on which the ports are free. */
export function allocateAddress(
  pool: AddressPool,
  taken: readonly Listening[],
  ports: readonly number[],
): string | undefined {
  const used = new Set(taken.map(({ address }) => address));
  // One on all addresses leaves nothing unused; what counts is whether the ports are free next to it.
  if (pool.kind !== 'all' && !used.has(ANY_ADDRESS)) {
    for (const address of poolAddresses(pool)) {
      if (!used.has(address)) return address;
    }
  }
  for (const address of poolAddresses(pool)) {
    if (!portClash(taken, address, ports)) return address;
  }
  return undefined;
}

/** Who has one of the ports on the address already, and which port it is. */
export function portClash(
  taken: readonly Listening[],
  address: string,
  ports: readonly number[],
): { name: string; port: number } | undefined {
  const wanted = new Set(ports);
  for (const other of taken) {
    if (other.address !== address && other.address !== ANY_ADDRESS && address !== ANY_ADDRESS) continue;
    const port = other.ports.find((candidate) => wanted.has(candidate));
    if (port !== undefined) return { name: other.name, port };
  }
  return undefined;
}

function poolAddresses(pool: AddressPool): Iterable<string> {
  if (pool.kind === 'all') return [ANY_ADDRESS];
  return pool.kind === 'list' ? pool.addresses : cidrHosts(pool.cidr);
}
