import { formatTarget } from '../spec/target.ts';
import { type CaaRecord, caaForbids } from './caa.ts';
import type { Finding } from './reason.ts';

/** What name servers say of a name. */
export type DnsAnswer =
  | { outcome: 'found'; addresses: readonly string[] }
  | { outcome: 'none' }
  /** They do not answer, or not as they should. */
  | { outcome: 'failed'; detail: string };

/** What came back when our own answer to a challenge was asked for through an address. */
export type ProbeOutcome =
  | { kind: 'ours' }
  /** The right form, but of another account. */
  | { kind: 'other_account' }
  /** Somebody else's server. */
  | { kind: 'other_server'; status: number }
  | { kind: 'refused' }
  | { kind: 'timeout' }
  | { kind: 'failed'; detail: string };

export interface Probe {
  address: string;
  port: number;
  outcome: ProbeOutcome;
}

/** What was seen before the CA is asked by HTTP. */
export interface HttpSighting {
  /** Who the name servers are that were asked first, for the words. */
  resolver: string;
  local: DnsAnswer;
  /** What a public name server says; undefined when none was asked or none answered. */
  public?: DnsAnswer | undefined;
  probes: readonly Probe[];
}

/** Why the CA would not find our answer; undefined when it would. */
export function judgeHttp({ resolver, local, public: open, probes }: HttpSighting): Finding | undefined {
  if (local.outcome === 'none') return { code: 'name_not_found', detail: `asked ${resolver}` };
  if (local.outcome === 'failed') return { code: 'dns_unreachable', detail: local.detail };
  if (open?.outcome === 'none')
    return { code: 'name_not_public', detail: `here it is ${local.addresses.join(', ')}` };
  return judgeProbes(probes);
}

/** CAs may take any of the addresses, and IPv6 first: each has to answer. */
function judgeProbes(probes: readonly Probe[]): Finding | undefined {
  const bad = probes.filter(({ outcome }) => outcome.kind !== 'ours');
  if (bad.length === 0) return undefined;
  const detail = bad.map(probeWords).join('; ');
  const isIpv6 = bad.every(({ address }) => address.includes(':'));
  if (isIpv6 && bad.length < probes.length) return { code: 'ipv6_elsewhere', detail };
  switch (bad[0]?.outcome.kind) {
    case 'refused':
      return { code: 'connection_refused', detail };
    case 'timeout':
      return { code: 'port_blocked', detail };
    case 'other_account':
      return { code: 'wrong_answer', detail };
    default:
      return { code: 'points_elsewhere', detail };
  }
}

function probeWords({ address, port, outcome }: Probe): string {
  const where = formatTarget({ host: address, port });
  switch (outcome.kind) {
    case 'refused':
      return `${where} refuses connections`;
    case 'timeout':
      return `${where} does not answer`;
    case 'other_account':
      return `${where} answers for another account`;
    case 'other_server':
      return `${where} is another server (it answers ${outcome.status})`;
    case 'failed':
      return `${where}: ${outcome.detail}`;
    default:
      return `${where} answers as it should`;
  }
}

export interface CaaSighting {
  /** The name at which the records were found. */
  at: string;
  records: readonly CaaRecord[];
}

export interface CaaSubject {
  identities: readonly string[];
  wildcard: boolean;
  challenge: 'http' | 'dns';
}

export function judgeCaa(sighting: CaaSighting | undefined, subject: CaaSubject): Finding | undefined {
  if (!sighting || !caaForbids({ ...sighting, ...subject })) return undefined;
  const shown = sighting.records.map(({ tag, value }) => `${tag} "${value}"`).join(', ');
  const wanted = subject.identities[0];
  const hint = wanted === undefined ? '' : `; needed is: CAA 0 issue "${wanted}"`;
  return { code: 'caa_forbids', detail: `${sighting.at} has ${shown.slice(0, 300)}${hint}` };
}

/** Below this a run of certbot could issue a certificate that cannot be written down. */
const LEAST_FREE_BYTES = 16 * 1024 * 1024;
const LEAST_FREE_FILES = 64;

export interface Room {
  freeBytes: number;
  /** Undefined where the file system has no fixed number of files. */
  freeFiles?: number | undefined;
}

export function judgeRoom({ freeBytes, freeFiles }: Room, directory: string): Finding | undefined {
  if (freeBytes < LEAST_FREE_BYTES)
    return {
      code: 'disk_full',
      detail: `${Math.floor(freeBytes / 1024 / 1024)} MiB are free for ${directory}, ${LEAST_FREE_BYTES / 1024 / 1024} are needed`,
    };
  if (freeFiles !== undefined && freeFiles < LEAST_FREE_FILES)
    return { code: 'disk_full', detail: `no more files can be made in ${directory}` };
  return undefined;
}
