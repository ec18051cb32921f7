import { z } from 'zod';
import { formatCidr, formatIp, parseCidr, parseIp } from './address.ts';

/** A network prefix, stored in canonical form. */
export const CidrText = z
  .string()
  .refine((text) => parseCidr(text) !== undefined, {
    error: 'must be a network such as 10.0.0.0/16 or fd00::/8, without bits beyond the prefix',
    abort: true,
  })
  .overwrite((text) => {
    const cidr = parseCidr(text);
    return cidr ? formatCidr(cidr) : text;
  })
  .describe('A network prefix such as 10.0.0.0/16.')
  .meta({ examples: ['10.0.0.0/16'] });

/** An IP address, stored in canonical form. */
export const IpText = z
  .string()
  .refine((text) => parseIp(text) !== undefined, { error: 'must be an IPv4 or IPv6 address', abort: true })
  .overwrite((text) => {
    const ip = parseIp(text);
    return ip ? formatIp(ip) : text;
  })
  .describe('An IPv4 or IPv6 address.')
  .meta({ examples: ['10.0.1.7'] });

/** An address or a network prefix, stored in canonical form. */
export const AddressOrNetworkText = z
  .string()
  .refine((text) => parseCidr(text) !== undefined || parseIp(text) !== undefined, {
    error:
      'must be an address such as 10.0.9.1 or a network such as 10.0.9.0/28, without bits beyond the prefix',
    abort: true,
  })
  .overwrite((text) => {
    const [cidr, ip] = [parseCidr(text), parseIp(text)];
    if (cidr) return formatCidr(cidr);
    return ip ? formatIp(ip) : text;
  })
  .describe('An address, or a network prefix.')
  .meta({ examples: ['203.0.113.10', '10.0.9.0/28'] });
