import { randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import type { TsigKey } from '../../../src/spec/dns-zone.ts';
import type { Daemon } from './daemon.ts';
import { waitFor } from '../wait.ts';

/** The zone that the name servers of tests serve. */
export const ZONE = 'example.com';

/** A real name server with the zone `example.com`, a wildcard `*.wild.example.com` and a record at `taken`. */
export interface ZoneServer {
  port: number;
  key: TsigKey;
  /** What it answers for a name, as any client would see it. */
  resolver: Resolver;
  stop(): Promise<void>;
}

/** Lines of a zone file that every name server of tests starts with. */
export const ZONE_LINES = `$TTL 60
@ IN SOA ns1 hostmaster 1 60 60 3600 0
@ IN NS ns1
ns1 IN A 127.0.0.1
taken IN A 203.0.113.9
alias IN CNAME elsewhere.example.net.
*.wild IN A 203.0.113.77
`;

export function newTsigKey(name = 'lb-key'): TsigKey {
  return { name, algorithm: 'hmac-sha256', secret: randomBytes(32).toString('base64') };
}

export function resolverOf(port: number, address = '127.0.0.1'): Resolver {
  const resolver = new Resolver({ timeout: 500, tries: 2 });
  resolver.setServers([`${address}:${port}`]);
  return resolver;
}

/** Waits until a server answers for its zone; one that has ended tells why. */
export async function waitForZone(resolver: Resolver, daemon: Daemon): Promise<void> {
  try {
    await waitFor('the zone', async () => (await resolver.resolveSoa(ZONE)).serial > 0);
  } catch (error) {
    throw new Error(`the name server did not serve ${ZONE}: ${daemon.output()}`, { cause: error });
  }
}
