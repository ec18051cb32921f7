import { cidrContains, cidrHosts, formatIp, parseCidr, parseIp } from '../../spec/address.ts';

/** The first floating address of a VPC that no load balancer has; undefined when there is none. */
export function freeFloatingAddress(pool: readonly string[], taken: ReadonlySet<string>): string | undefined {
  for (const entry of pool) {
    for (const address of addressesOf(entry)) if (!taken.has(address)) return address;
  }
  return undefined;
}

/** Whether a pool has an address. */
export function hasFloatingAddress(pool: readonly string[], address: string): boolean {
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
