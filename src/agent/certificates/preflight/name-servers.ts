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
  /** The values of a TXT record; none when there is none, undefined when that is not known. */
  txt(name: string): Promise<string[] | undefined>;
  /** The name servers that a zone is delegated to, for the zone that a name is in; none when they are not known. */
  authoritative(name: string): Promise<AuthoritativeServer[]>;
}

/** A name server of a zone. */
export interface AuthoritativeServer {
  host: string;
  addresses: readonly string[];
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
    txt: (name) => txtOf(resolver, name),
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

async function txtOf(resolver: Resolver, name: string): Promise<string[] | undefined> {
  return (await knownOf(resolver.resolveTxt(name)))?.map((parts) => parts.join(''));
}

async function authoritativeOf(resolver: Resolver, name: string): Promise<AuthoritativeServer[]> {
  for (let at = name; at.includes('.'); at = parentOf(at)) {
    const hosts = await knownOf(resolver.resolveNs(at));
    // Those of a zone above would say that there is no such name.
    if (!hosts) return [];
    if (hosts.length > 0) return Promise.all(hosts.map((host) => serverOf(resolver, host)));
  }
  return [];
}

async function serverOf(resolver: Resolver, host: string): Promise<AuthoritativeServer> {
  const answer = await addressesOf(resolver, host);
  return { host, addresses: answer.outcome === 'found' ? answer.addresses : [] };
}

function parentOf(name: string): string {
  const dot = name.indexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1);
}

/** An empty list when there is no record; undefined when that is not known. */
async function knownOf<T>(asked: Promise<T[]>): Promise<T[] | undefined> {
  try {
    return await asked;
  } catch (error) {
    return NOTHING.has(systemCode(error) ?? '') ? [] : undefined;
  }
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
