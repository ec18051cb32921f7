import { z } from 'zod';
import { canonicalCidr } from './address.ts';

/** A network or a single address, stored as a network (RFC 4632, RFC 4291). */
export const CidrText = z
  .string()
  .max(64)
  .refine((text) => canonicalCidr(text) !== undefined, {
    error:
      'must be a network without bits beyond its prefix, or an address: 10.0.0.0/8, 192.0.2.7, 2001:db8::/32',
    abort: true,
  })
  .overwrite((text) => canonicalCidr(text) ?? text);

/** The most networks in one list. */
export const MAX_CIDRS = 10_000;

/** A list of networks; one that is named twice is kept once. */
export function cidrList(description: string) {
  return z
    .array(CidrText)
    .max(MAX_CIDRS)
    .overwrite((list) => [...new Set(list)])
    .default([])
    .describe(description);
}
