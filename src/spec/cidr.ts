import { z } from 'zod';
import { formatCidr, formatIp, parseCidr, parseIp } from './address.ts';

/** The one way in which a network is written; a single address is a network of one. */
function canonicalCidr(text: string): string | undefined {
  const address = parseIp(text);
  if (address) return `${formatIp(address)}/${address.toByteArray().length * 8}`;
  const cidr = parseCidr(text);
  return cidr && formatCidr(cidr);
}

/** A network or a single address, stored as a network (RFC 4632, RFC 4291). */
export const CidrText = z
  .string()
  .max(64)
  .refine((text) => canonicalCidr(text) !== undefined, {
    error: 'must be a CIDR or an address, such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32',
    abort: true,
  })
  .overwrite((text) => canonicalCidr(text) ?? text);

/** The most networks in one list. */
export const MAX_CIDRS = 10_000;

/** A list of networks. */
export function cidrList(description: string) {
  return z.array(CidrText).max(MAX_CIDRS).default([]).describe(description);
}
