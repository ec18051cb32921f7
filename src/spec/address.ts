import ipaddr from 'ipaddr.js';

export type IpAddress = ipaddr.IPv4 | ipaddr.IPv6;

const DOTTED_QUAD = /^(\d{1,3}\.){3}\d{1,3}$/;

/**
 * Reads an IPv4 address in dotted form or an IPv6 address without a zone; a mapped `::ffff:10.0.0.1` becomes IPv4.
 * The octal, hexadecimal and short forms that some resolvers take (`0177.1`) are refused.
 */
export function parseIp(text: string): IpAddress | undefined {
  if (text.includes(':') ? !ipaddr.IPv6.isValid(text) || text.includes('%') : !isDottedQuad(text))
    return undefined;
  return ipaddr.process(text);
}

function isDottedQuad(text: string): boolean {
  return (
    DOTTED_QUAD.test(text) &&
    text.split('.').every((part) => Number(part) <= 255 && String(Number(part)) === part)
  );
}

/** The one way in which we write an address: RFC 5952 for IPv6. */
export function formatIp(address: IpAddress): string {
  return address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString();
}

export interface Cidr {
  address: IpAddress;
  prefix: number;
}

/** Reads `10.0.0.0/16` or `fd00::/8`. Bits beyond the prefix must be zero, as a typing error shows there. */
export function parseCidr(text: string): Cidr | undefined {
  const [base, length, ...rest] = text.split('/');
  if (base === undefined || length === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length))
    return undefined;
  const address = parseIp(base);
  const prefix = Number(length);
  if (!address || prefix > address.toByteArray().length * 8) return undefined;
  return hasHostBits(address, prefix) ? undefined : { address, prefix };
}

function hasHostBits(address: IpAddress, prefix: number): boolean {
  return address
    .toByteArray()
    .some((byte, index) => (byte & (0xff >> clamp(prefix - index * 8, 0, 8))) !== 0);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

export function formatCidr({ address, prefix }: Cidr): string {
  return `${formatIp(address)}/${prefix}`;
}

/** The one way in which a network or an address is written as a network; `undefined` when it is neither. */
export function canonicalCidr(text: string): string | undefined {
  const address = parseIp(text);
  if (address) return formatCidr({ address, prefix: address.toByteArray().length * 8 });
  const cidr = parseCidr(text);
  return cidr && formatCidr(cidr);
}

export function cidrContains(cidr: Cidr, address: IpAddress): boolean {
  return cidr.address.kind() === address.kind() && address.match(cidr.address, cidr.prefix);
}

/** The addresses of a CIDR in order, the network and broadcast address of an IPv4 network left out. */
export function* cidrHosts(cidr: Cidr): Generator<string, undefined> {
  const bytes = cidr.address.toByteArray();
  const bits = bytes.length * 8 - cidr.prefix;
  const count = bits >= 31 ? 2 ** 31 : 2 ** bits;
  const isNetwork = cidr.address.kind() === 'ipv4' && bits > 1;
  for (let offset = isNetwork ? 1 : 0; offset < (isNetwork ? count - 1 : count); offset++) {
    yield formatIp(addOffset(bytes, offset));
  }
}

function addOffset(bytes: readonly number[], offset: number): IpAddress {
  const sum = [...bytes];
  for (let index = sum.length - 1, carry = offset; carry > 0 && index >= 0; index--) {
    carry += sum[index] ?? 0;
    sum[index] = carry & 0xff;
    carry = Math.floor(carry / 256);
  }
  return ipaddr.fromByteArray(sum);
}

/** Metadata services that are not on a link-local address: AWS over IPv6, Alibaba. */
const METADATA_ADDRESSES = new Set(['fd00:ec2::254', '100.100.100.200']);

/** Why an address may never be a backend unless the operator allows it; `undefined` when nothing speaks against it. */
export function forbiddenRange(address: IpAddress): string | undefined {
  if (METADATA_ADDRESSES.has(formatIp(address))) return 'an address of a cloud’s metadata service';
  switch (address.range()) {
    case 'loopback':
      return 'a loopback address';
    case 'linkLocal':
      return 'a link-local address (the metadata service lives there)';
    case 'unspecified':
      return 'the unspecified address';
    case 'multicast':
      return 'a multicast address';
    case 'broadcast':
      return 'the broadcast address';
    // These carry an IPv4 address that would have to be judged in its place.
    case 'rfc6052':
    case 'rfc6145':
    case '6to4':
    case 'teredo':
      return 'an address that stands for an IPv4 address';
    default:
      return undefined;
  }
}
