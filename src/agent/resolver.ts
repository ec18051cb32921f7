import { Resolver, lookup } from 'node:dns/promises';
import type { DesiredLoadBalancer } from '../api/agent.ts';
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

/** How long an answer is used before the name server is asked again. */
const REFRESH_MS = 5000;
const QUERY_TIMEOUT_MS = 1000;
/** How long a change waits for a name that was never asked before. */
const FIRST_ANSWER_MS = 300;

/** What the names of a load balancer's targets stand for. */
export interface Resolution {
  /** Host → address, for those that may be used. */
  addresses: Map<string, string>;
  /** Host → why it has no address. */
  faults: Map<string, string>;
}

/** Finds the addresses of backends: in the VPC's host table, else by its name servers, else by the system's. */
export interface NameResolver {
  resolve(desired: DesiredLoadBalancer): Promise<Resolution>;
}

/** Every address that a name stands for, by the given name servers. Throws what DNS answered. */
export type Query = (host: string, nameServers: readonly string[]) => Promise<string[]>;

interface CacheEntry {
  /** The last good answer; it stays in use when DNS fails. */
  answers: string[];
  fault: string | undefined;
  expires: number;
}

export interface NameResolverOptions {
  clock: Clock;
  /** Called when a name stands for other addresses than before. */
  onChange(): void;
  query?: Query;
}

export function createNameResolver({ clock, onChange, query = queryDns }: NameResolverOptions): NameResolver {
  const ask = createCache({ clock, onChange, query });
  const chosen = new Map<string, string>();
  return {
    async resolve(desired) {
      const result: Resolution = { addresses: new Map(), faults: new Map() };
      const rules = {
        vpc: desired.vpc.name,
        cidrs: desired.vpc.cidrs,
        allowLoopback: desired.allowLoopbackBackends,
      };
      await Promise.all(
        namedHosts(desired.spec).map(async (host) => {
          const member = desired.vpc.hosts.find(({ name }) => name === host);
          const entry = member
            ? { answers: member.addresses, fault: undefined }
            : await ask(host, desired.vpc.nameServers);
          settle(host, entry, rules, `${desired.id} ${host}`, chosen, result);
        }),
      );
      return result;
    },
  };
}

type Ask = (host: string, nameServers: readonly string[]) => Promise<CacheEntry>;

/** Asks the name servers, but never lets a slow one hold a change up: what is not known yet follows later. */
function createCache({ clock, onChange, query }: Required<NameResolverOptions>): Ask {
  const cache = new Map<string, CacheEntry>();
  const pending = new Map<string, Promise<CacheEntry>>();
  const refresh = async (key: string, host: string, nameServers: readonly string[]): Promise<CacheEntry> => {
    const before = cache.get(key);
    const entry = await query(host, nameServers).then(
      (answers) => ({ answers, fault: undefined }),
      (error: unknown) => ({ answers: before?.answers ?? [], fault: dnsFault(host, error) }),
    );
    const dated = { ...entry, expires: clock.now() + REFRESH_MS };
    cache.set(key, dated);
    pending.delete(key);
    if (before?.answers.join() !== dated.answers.join() || before.fault !== dated.fault) onChange();
    return dated;
  };
  return async (host, nameServers) => {
    const key = `${nameServers.join(',')} ${host}`;
    const cached = cache.get(key);
    if (cached && cached.expires > clock.now()) return cached;
    const answer = pending.get(key) ?? refresh(key, host, nameServers);
    pending.set(key, answer);
    if (cached) return cached;
    const unknown = { answers: [], fault: `the name server has not answered for ${host} yet`, expires: 0 };
    return Promise.race([answer, clock.sleep(FIRST_ANSWER_MS).then(() => unknown)]);
  };
}

/** The hosts that are names. */
const namedHosts = memoized((spec: LoadBalancerSpec): readonly string[] => {
  const hosts = poolsOf(spec).flatMap(([, { backends }]) =>
    backends.flatMap((backend) => namedHost(backend) ?? []),
  );
  return [...new Set(hosts)];
});

const namedHost = memoized(({ target }: Backend): string | undefined => {
  const parsed = parseTarget(target);
  return parsed?.isIp === false ? parsed.host : undefined;
});

/** Takes the address in use while it is still among the answers, so that a rotating answer moves nobody. */
function settle(
  host: string,
  { answers, fault }: Pick<CacheEntry, 'answers' | 'fault'>,
  rules: MembershipRules,
  key: string,
  chosen: Map<string, string>,
  result: Resolution,
): void {
  const faults = answers.map(createMembership(rules));
  const usable = answers.filter((_, index) => faults[index] === undefined);
  const present = chosen.get(key);
  const address = present !== undefined && usable.includes(present) ? present : usable[0];
  if (address !== undefined) {
    chosen.set(key, address);
    result.addresses.set(host, address);
    return;
  }
  const detail = faults.find((text) => text !== undefined) ?? fault ?? 'has no address';
  const hint = `name its address with \`agentmetal vpc host add ${rules.vpc} ${host} ADDRESS\``;
  result.faults.set(host, faults.length > 0 ? `${host}: ${detail}` : `${detail}; ${hint}`);
}

async function queryDns(host: string, nameServers: readonly string[]): Promise<string[]> {
  if (nameServers.length === 0)
    return (await lookup(host, { all: true })).map(({ address }) => canonical(address));
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: 2 });
  resolver.setServers(nameServers.map(serverAddress));
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const answers = [v4, v6].flatMap((settled) =>
    settled.status === 'fulfilled' ? settled.value.toSorted() : [],
  );
  if (answers.length === 0 && v4.status === 'rejected') throw v4.reason;
  return answers.map(canonical);
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
    case 'EAI_AGAIN':
      return `the name server does not answer for ${host}`;
    default:
      return `${host} cannot be resolved: ${messageOf(error)}`;
  }
}
