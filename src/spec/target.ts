import { z } from 'zod';
import { formatIp, parseIp } from './address.ts';

/** Where a backend listens, taken apart. */
export interface Target {
  /** A DNS name or VPC member in lower case, or an IP address in canonical form without brackets. */
  host: string;
  port: number;
  isIp: boolean;
}

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
/** Resolvers read a name whose last label is a number as an address: `127.1`, `0x7f.1` (URL standard, section 3.5). */
const ENDS_IN_NUMBER = /(^|\.)(\d+|0x[0-9a-f]*)$/;
const SHAPE = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<host>[^[\]:]+)):(?<port>[1-9]\d{0,4})$/;

/** Targets read lately: the same ones are read again at every change and look. */
const known = new Map<string, Target | undefined>();
const MAX_KNOWN = 20_000;

/** Reads `host:port`, `1.2.3.4:port` or `[v6]:port`; `undefined` when it is none of them. */
export function parseTarget(text: string): Target | undefined {
  if (known.has(text)) return known.get(text);
  const target = readTarget(text);
  if (known.size >= MAX_KNOWN) known.clear();
  // What is too long to be a target would only fill the memory.
  if (text.length <= MAX_TARGET) known.set(text, target);
  return target;
}

/** A host name of 253 characters, brackets, colon and port. */
const MAX_TARGET = 300;

function readTarget(text: string): Target | undefined {
  const groups = SHAPE.exec(text)?.groups;
  if (!groups) return undefined;
  const port = Number(groups['port']);
  const host = (groups['v6'] ?? groups['host'] ?? '').toLowerCase();
  if (port > 65_535) return undefined;
  const ip = parseIp(host);
  if (ip) return { host: formatIp(ip), port, isIp: true };
  if (groups['v6'] !== undefined || !isHostName(host)) return undefined;
  return { host, port, isIp: false };
}

/** Writes a target in the one form in which it is stored, compared and shown. */
export function formatTarget({ host, port }: Pick<Target, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True for a name that may stand in a target or a VPC's host table. */
export function isHostName(text: string): boolean {
  return HOST_NAME.test(text) && !ENDS_IN_NUMBER.test(text);
}

/** A target in the spec; it is stored in canonical form (lower case, RFC 5952). */
export const TargetText = z
  .string()
  .refine((text) => parseTarget(text) !== undefined, {
    error: 'must be host:port, 1.2.3.4:port or [2001:db8::1]:port with a port from 1 to 65535',
    abort: true,
  })
  .overwrite((text) => {
    const target = parseTarget(text);
    return target ? formatTarget(target) : text;
  })
  .describe('`host:port`, `1.2.3.4:port` or `[v6]:port`; the host is a member of the VPC or a DNS name.')
  .meta({ examples: ['web-1:8080', '10.0.1.7:8080', '[fd00::7]:8080'] });
