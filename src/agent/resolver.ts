import { Resolver, lookup } from 'node:dns/promises';
import type { DesiredLoadBalancer } from '../api/agent.ts';
import { createBackoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { memoized } from '../base/memo.ts';
import { messageOf, systemCode } from '../base/errors.ts';
import { formatIp, parseIp } from '../spec/address.ts';
import { type MembershipRules, createMembership } from '../spec/membership.ts';
import type { Backend } from '../spec/backend.ts';
import type { LoadBalancerSpec } from '../spec/load-balancer.ts';
import { poolsOf } from '../spec/pools-of.ts';
import { formatTarget, parseTarget } from '../spec/target.ts';
import { parseNameServer } from '../spec/vpc.ts';

/** How long an answer is used that does not say itself how long it may be: that of the system's resolver. */
const UNSAID_TTL_MS = 5000;
/** An answer is used for as long as it says, but the name server is asked no more often and no more seldom than this. */
const MIN_TTL_MS = 1000;
const MAX_TTL_MS = 60_000;
/** A name server that has no answer is asked again after so long, and then less and less often. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** Names that nobody has asked for since are forgotten. */
const UNUSED_MS = 3_600_000;
const QUERY_TIMEOUT_MS = 1000;
/** How long a change waits for a name that was never asked before. */
const FIRST_ANSWER_MS = 300;

/** What the names of a load balancer's targets stand for. */
export interface Resolution {
  /** Host → address, for those that may be used. */
  addresses: Map<string, string>;
  /** Host → why it has no address. */
  faults: Map<string, string>;
  /** Host → why the last good answer is still used for it. */
  kept: Map<string, string>;
}

/** Finds the addresses of backends: in the VPC's host table, else by its name servers, else by the system's. */
export interface NameResolver {
  resolve(desired: DesiredLoadBalancer): Promise<Resolution>;
}

/** What DNS answers for a name. */
export interface NameAnswer {
  /** Every address that it stands for. */
  addresses: string[];
  /** How long that may be used; undefined when it was not said. */
  ttlMs: number | undefined;
}

/** Asks the given name servers for a name. Throws what DNS answered. */
export type Query = (host: string, nameServers: readonly string[]) => Promise<NameAnswer>;

interface CacheEntry {
  /** The last good answer; it stays in use when DNS fails. */
  answers: string[];
  fault: string | undefined;
  expires: number;
  /** When somebody last wanted to know it. */
  usedAt: number;
}

export interface NameResolverOptions {
  clock: Clock;
  /** Called when a name stands for other addresses than before. */
  onChange(): void;
  query?: Query;
  /** Source of randomness in [0, 1). Default: Math.random. */
  random?(): number;
}

export function createNameResolver({
  clock,
  onChange,
  query = queryDns,
  random = Math.random,
}: NameResolverOptions): NameResolver {
  const ask = createCache({ clock, onChange, query, random });
  /** Load balancer → host → the address in use. */
  const chosen = new Map<string, ReadonlyMap<string, string>>();
  return {
    async resolve(desired) {
      const result: Resolution = { addresses: new Map(), faults: new Map(), kept: new Map() };
      const before = chosen.get(desired.id);
      const hosts = namedHosts(desired.spec);
      const rules = {
        vpc: desired.vpc.name,
        cidrs: desired.vpc.cidrs,
        allowLoopback: desired.allowLoopbackBackends,
      };
      await Promise.all(
        hosts.map(async (host) => {
          const member = desired.vpc.hosts.find(({ name }) => name === host);
          const entry = member
            ? { answers: member.addresses, fault: undefined }
            : await ask(host, desired.vpc.nameServers);
          settle(host, entry, rules, before?.get(host), result);
        }),
      );
      const present = hosts.flatMap((host) => {
        const address = result.addresses.get(host) ?? before?.get(host);
        return address === undefined ? [] : [[host, address] as const];
      });
      chosen.set(desired.id, new Map(present));
      return result;
    },
  };
}

type Ask = (host: string, nameServers: readonly string[]) => Promise<Pick<CacheEntry, 'answers' | 'fault'>>;

/** Asks the name servers, but never lets a slow one hold a change up: what is not known yet follows later. */
function createCache({ clock, onChange, query, random }: Required<NameResolverOptions>): Ask {
  const cache = new Map<string, CacheEntry>();
  const retries = new Map<string, ReturnType<typeof createBackoff>>();
  const retryMs = (key: string) => {
    const backoff = retries.get(key) ?? createBackoff({ initialMs: RETRY_MS, maxMs: MAX_RETRY_MS, random });
    retries.set(key, backoff);
    return backoff.next();
  };
  const forgetUnused = () => {
    for (const [key, { usedAt }] of cache) {
      if (clock.now() - usedAt <= UNUSED_MS) continue;
      cache.delete(key);
      retries.delete(key);
    }
  };
  const pending = new Map<string, Promise<CacheEntry>>();
  const refresh = async (key: string, host: string, nameServers: readonly string[]): Promise<CacheEntry> => {
    const before = cache.get(key);
    const { usableMs, ...entry } = await query(host, nameServers).then(
      ({ addresses, ttlMs = UNSAID_TTL_MS }) => {
        retries.delete(key);
        const usableMs = Math.min(MAX_TTL_MS, Math.max(MIN_TTL_MS, ttlMs));
        return { answers: addresses, fault: undefined, usableMs };
      },
      (error: unknown) => ({
        answers: before?.answers ?? [],
        fault: dnsFault(host, error),
        usableMs: retryMs(key),
      }),
    );
    const now = clock.now();
    const dated = { ...entry, expires: now + usableMs, usedAt: cache.get(key)?.usedAt ?? now };
    cache.set(key, dated);
    pending.delete(key);
    if (!before) forgetUnused();
    if (before?.answers.join() !== dated.answers.join() || before.fault !== dated.fault) onChange();
    return dated;
  };
  return async (host, nameServers) => {
    const key = `${nameServers.join(',')} ${host}`;
    const cached = cache.get(key);
    if (cached) cached.usedAt = clock.now();
    if (cached && cached.expires > clock.now()) return cached;
    const answer = pending.get(key) ?? refresh(key, host, nameServers);
    pending.set(key, answer);
    if (cached) return cached;
    const unknown = { answers: [], fault: `the name server has not answered for ${host} yet` };
    return Promise.race([answer, clock.sleep(FIRST_ANSWER_MS).then(() => unknown)]);
  };
}

/** The hosts that are names. */
const namedHosts = memoized((spec: LoadBalancerSpec): readonly string[] => {
  const hosts = poolsOf(spec).flatMap(([, { backends }]) => hostsAmong(backends));
  return [...new Set(hosts)];
});

const hostsAmong = memoized((backends: readonly Backend[]) =>
  backends.flatMap((backend) => namedHost(backend) ?? []),
);

const namedHost = memoized(({ target }: Backend): string | undefined => {
  const parsed = parseTarget(target);
  return parsed?.isIp === false ? parsed.host : undefined;
});

/** Takes the address in use while it is still among the answers, so that a rotating answer moves nobody. */
function settle(
  host: string,
  { answers, fault }: Pick<CacheEntry, 'answers' | 'fault'>,
  rules: MembershipRules,
  present: string | undefined,
  result: Resolution,
): void {
  const faults = answers.map(createMembership(rules));
  const usable = answers.filter((_, index) => faults[index] === undefined);
  const address = present !== undefined && usable.includes(present) ? present : usable[0];
  if (address !== undefined) {
    result.addresses.set(host, address);
    if (fault !== undefined) result.kept.set(host, `${fault}; its last address ${address} stays in use`);
    return;
  }
  const detail = faults.find((text) => text !== undefined) ?? fault ?? 'has no address';
  const hint = `name its address with \`agentmetal vpc host add ${rules.vpc} ${host} ADDRESS\``;
  result.faults.set(host, faults.length > 0 ? `${host}: ${detail}` : `${detail}; ${hint}`);
}

/** There is no such name, or no record of that kind. */
const NEGATIVE: ReadonlySet<string | undefined> = new Set(['ENOTFOUND', 'ENODATA']);

async function queryDns(host: string, nameServers: readonly string[]): Promise<NameAnswer> {
  if (nameServers.length === 0)
    return {
      addresses: (await lookup(host, { all: true })).map(({ address }) => canonical(address)),
      ttlMs: undefined,
    };
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: 2 });
  resolver.setServers(nameServers.map(serverAddress));
  const asked = { ttl: true } as const;
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(host, asked), resolver.resolve6(host, asked)]);
  const records = [v4, v6].flatMap((settled) =>
    settled.status === 'fulfilled' ? settled.value.toSorted(byAddress) : [],
  );
  // Without a word on IPv4 it is not known that there is none: a backend must not move to IPv6 for that.
  const isUnknown = v4.status === 'rejected' && !NEGATIVE.has(systemCode(v4.reason));
  if (v4.status === 'rejected' && (records.length === 0 || isUnknown)) throw v4.reason;
  // Together they are known for as long as the first of them.
  const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1000;
  return { addresses: records.map(({ address }) => canonical(address)), ttlMs };
}

function byAddress(one: { address: string }, other: { address: string }): number {
  return one.address < other.address ? -1 : 1;
}

function serverAddress(text: string): string {
  const server = parseNameServer(text);
  return server ? formatTarget({ host: server.address, port: server.port }) : text;
}

function canonical(address: string): string {
  const ip = parseIp(address);
  return ip ? formatIp(ip) : address;
}

function dnsFault(host: string, error: unknown): string {
  switch (systemCode(error)) {
    case 'ENOTFOUND':
    case 'ENODATA':
      return `there is no host ${host} in the VPC and no DNS record for it`;
    case 'ETIMEOUT':
    case 'ECONNREFUSED':
    case 'EAI_AGAIN':
      return `the name server does not answer for ${host}`;
    default:
      return `${host} cannot be resolved: ${messageOf(error)}`;
  }
}
