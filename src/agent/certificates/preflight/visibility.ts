import type { Clock } from '../../../base/clock.ts';
import type { Finding } from '../../../certificates/reason.ts';
import { type TxtSighting, judgeVisibility, worstOf } from '../../../certificates/visibility.ts';
import { formatTarget } from '../../../spec/target.ts';
import { type AuthoritativeServer, type NameServers, askNameServers } from './name-servers.ts';

export interface VisibilityOptions {
  /** Whom to ask for the zone's name servers, and for the record when none of those answers. */
  resolver: NameServers;
  /** Whether the zone's own name servers are asked. */
  asksZone: boolean;
  /** Port of the zone's name servers. */
  port: number;
  clock: Clock;
}

const VISIBLE_MS = 120_000;
const FIRST_LOOK_MS = 250;
const LONGEST_LOOK_MS = 5000;

/**
 * Waits until a TXT value is seen by every name server of its zone, for the CA may ask any; resolves to who does not show
 * it when the time is over, and to nothing when the signal is aborted.
 */
export async function untilVisible(
  name: string,
  value: string,
  { resolver, asksZone, port, clock }: VisibilityOptions,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  const deadline = clock.now() + VISIBLE_MS;
  const servers = asksZone ? await resolver.authoritative(name) : [];
  for (let pause = FIRST_LOOK_MS; !signal.aborted; pause = Math.min(2 * pause, LONGEST_LOOK_MS)) {
    const finding = judgeVisibility(name, await look(name, value, servers, { resolver, port }));
    if (!finding) return undefined;
    if (clock.now() >= deadline) return finding;
    await clock.sleep(pause, signal);
  }
  return undefined;
}

async function look(
  name: string,
  value: string,
  servers: readonly AuthoritativeServer[],
  { resolver, port }: Pick<VisibilityOptions, 'resolver' | 'port'>,
): Promise<TxtSighting[]> {
  const seen = await Promise.all(servers.map((server) => askServer(name, value, server, port)));
  if (seen.some(({ outcome }) => outcome !== 'silent')) return seen;
  // None can be asked from here, as behind a firewall that lets the resolver alone out; that one asks them.
  return [...seen, { server: resolver.label, outcome: await outcomeOf(resolver, name, value) }];
}

async function askServer(
  name: string,
  value: string,
  { host, addresses }: AuthoritativeServer,
  port: number,
): Promise<TxtSighting> {
  const places = addresses.map((address) => formatTarget({ host: address, port }));
  const outcomes = await Promise.all(places.map((place) => outcomeOf(askNameServers([place]), name, value)));
  return { server: `${host} (${places.join(', ')})`, outcome: worstOf(outcomes) };
}

async function outcomeOf(servers: NameServers, name: string, value: string): Promise<TxtSighting['outcome']> {
  const values = await servers.txt(name);
  if (values === undefined) return 'silent';
  return values.includes(value) ? 'shows' : 'lacks';
}
