import { Resolver } from 'node:dns/promises';
import { AppError, systemCode } from '../base/errors.ts';
import { formatIp, parseIp } from '../spec/address.ts';
import { parseNameServer } from '../spec/vpc.ts';
import { DnsFault } from './provider.ts';

const TIMEOUT_MS = 2000;
const TRIES = 2;
const NOT_THERE = new Set(['ENOTFOUND', 'ENODATA']);

/** The addresses that a name has in DNS, sorted. Aliases are followed. */
export interface SeenAddresses {
  ipv4: readonly string[];
  ipv6: readonly string[];
}

/** Asks what clients see. No address is an answer too; no answer is thrown as a {@link DnsFault}. */
export type Lookup = (domain: string) => Promise<SeenAddresses>;

/** A lookup by one name server, `ip:port`, or by the system's. What runs when the signal is aborted ends at once. */
export function createLookup(resolver: string | undefined, signal: AbortSignal): Lookup {
  const servers = resolver === undefined ? undefined : [serverText(resolver)];
  const who = resolver === undefined ? 'the system’s name server' : `the name server ${resolver}`;
  const addresses = async (ask: () => Promise<string[]>): Promise<string[]> => {
    try {
      return (await ask()).map(canonical).sort();
    } catch (error) {
      const code = systemCode(error) ?? 'no answer';
      if (NOT_THERE.has(code)) return [];
      throw new DnsFault('unreachable', `${who} does not answer (${code})`, error);
    }
  };
  return async (domain) => {
    // A new one each time: the system's name servers may be others than before.
    const client = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
    if (servers) client.setServers(servers);
    const cancel = () => client.cancel();
    signal.addEventListener('abort', cancel);
    try {
      const [ipv4, ipv6] = await Promise.all([
        addresses(() => client.resolve4(domain)),
        addresses(() => client.resolve6(domain)),
      ]);
      return { ipv4, ipv6 };
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
}

function canonical(address: string): string {
  const ip = parseIp(address);
  return ip ? formatIp(ip) : address;
}

function serverText(text: string): string {
  const server = parseNameServer(text);
  if (server)
    return server.address.includes(':')
      ? `[${server.address}]:${server.port}`
      : `${server.address}:${server.port}`;
  throw new AppError('invalid_request', `the name server ${JSON.stringify(text)} cannot be read`, {
    hint: 'Write address:port, such as 192.0.2.53:53 or [2001:db8::53]:53 (--resolver, AGENTMETAL_RESOLVER).',
  });
}
