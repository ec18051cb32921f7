import { cidrContains, cidrHosts, formatIp, parseCidr, parseIp } from '../../spec/address.ts';

/** The first address of a pool, which is of addresses and networks, that nobody has; undefined when there is none. */
export function firstFreeAddress(
  pool: readonly string[],
  isTaken: (address: string) => boolean,
): string | undefined {
  for (const entry of pool) {
    for (const address of addressesOf(entry)) if (!isTaken(address)) return address;
  }
  return undefined;
}

/** Whether a pool has an address. */
export function hasAddress(pool: readonly string[], address: string): boolean {
  const wanted = parseIp(address);
  return pool.some((entry) => {
    const cidr = parseCidr(entry);
    return entry === address || (cidr && wanted ? cidrContains(cidr, wanted) : false);
  });
}

function addressesOf(entry: string): Iterable<string> {
  const ip = parseIp(entry);
  if (ip) return [formatIp(ip)];
  const cidr = parseCidr(entry);
  return cidr ? cidrHosts(cidr) : [];
}
