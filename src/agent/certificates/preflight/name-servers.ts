import type { CaaRecord as NodeCaaRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { messageOf, systemCode } from '../../../base/errors.ts';
import type { CaaRecord } from '../../../certificates/caa.ts';
import type { CaaSighting, DnsAnswer } from '../../../certificates/preflight.ts';
import { formatTarget } from '../../../spec/target.ts';
import { parseNameServer } from '../../../spec/vpc.ts';

/** Name servers that answer questions about names and what proves them. */
export interface NameServers {
  /** Who they are, for the words. */
  label: string;
  addresses(name: string): Promise<DnsAnswer>;
  /** The CAA records that count for a name: its own, or those of the nearest name above that has some. */
  caa(name: string): Promise<CaaSighting | undefined>;
  /** The values of a TXT record; none when there is none, or no answer. */
  txt(name: string): Promise<string[]>;
  /** Addresses of the name servers that a zone is delegated to, for the zone that a name is in. */
  authoritative(name: string): Promise<string[]>;
}

const OPTIONS = { timeout: 2000, tries: 2 };
/** What DNS says when there is no such record. */
const NOTHING = new Set(['ENOTFOUND', 'ENODATA']);

/** @param servers as `ip:port`; none for those of the system. */
export function askNameServers(servers: readonly string[]): NameServers {
  const resolver = new Resolver(OPTIONS);
  if (servers.length > 0) resolver.setServers(servers.map(serverAddress));
  return {
    label: servers.length > 0 ? servers.join(', ') : 'the name servers of the system',
    addresses: (name) => addressesOf(resolver, name),
    caa: (name) => caaOf(resolver, name),
    txt: async (name) => (await orNothing(resolver.resolveTxt(name))).map((parts) => parts.join('')),
    authoritative: (name) => authoritativeOf(resolver, name),
  };
}

function serverAddress(text: string): string {
  const server = parseNameServer(text);
  return server ? formatTarget({ host: server.address, port: server.port }) : text;
}

async function addressesOf(resolver: Resolver, name: string): Promise<DnsAnswer> {
  const settled = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const addresses = settled.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  if (addresses.length > 0) return { outcome: 'found', addresses: addresses.sort() };
  const faults = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const bad = faults.find((error) => !NOTHING.has(systemCode(error) ?? ''));
  return bad === undefined ? { outcome: 'none' } : { outcome: 'failed', detail: messageOf(bad) };
}

async function caaOf(resolver: Resolver, name: string): Promise<CaaSighting | undefined> {
  for (let at = name; at !== ''; at = parentOf(at)) {
    const records = await orNothing(resolver.resolveCaa(at));
    if (records.length > 0) return { at, records: records.flatMap(caaRecords) };
  }
  return undefined;
}

function caaRecords({ critical, ...rest }: NodeCaaRecord): CaaRecord[] {
  const tags = Object.entries(rest).filter(([tag]) => tag !== 'type');
  return tags.map(([tag, value]) => ({
    tag,
    value: String(value),
    critical: critical >= 128,
  }));
}

async function authoritativeOf(resolver: Resolver, name: string): Promise<string[]> {
  for (let at = name; at.includes('.'); at = parentOf(at)) {
    const hosts = await orNothing(resolver.resolveNs(at));
    if (hosts.length === 0) continue;
    const answers = await Promise.all(hosts.map((host) => addressesOf(resolver, host)));
    return answers.flatMap((answer) => (answer.outcome === 'found' ? answer.addresses : []));
  }
  return [];
}

function parentOf(name: string): string {
  const dot = name.indexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1);
}

/** An empty list when there is no record, and when nobody answers: what is not known forbids nothing. */
async function orNothing<T>(asked: Promise<T[]>): Promise<T[]> {
  try {
    return await asked;
  } catch {
    // A CA that meets the same says so itself.
    return [];
  }
}
