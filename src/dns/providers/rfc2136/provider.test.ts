import { startBind } from '../../../../test/support/dns/bind.ts';
import { startKnot } from '../../../../test/support/dns/knot.ts';
import { PROVIDER_CONTEXT, testProvider } from '../../../../test/support/dns/provider-contract.ts';
import { ZONE, type ZoneServer, newTsigKey } from '../../../../test/support/dns/zone-server.ts';
import { createRfc2136Provider } from './provider.ts';

async function scene(starting: Promise<ZoneServer>) {
  const { port, key, resolver, stop } = await starting;
  const settings = { provider: 'rfc2136', server: '127.0.0.1', port, tsig: key } as const;
  return {
    provider: createRfc2136Provider(ZONE, settings, PROVIDER_CONTEXT),
    withWrongCredential: createRfc2136Provider(ZONE, { ...settings, tsig: newTsigKey() }, PROVIDER_CONTEXT),
    ofUnknownZone: createRfc2136Provider('example.org', settings, PROVIDER_CONTEXT),
    resolver,
    stop,
  };
}

testProvider('RFC 2136 with BIND', () => scene(startBind()));
testProvider('RFC 2136 with Knot', () => scene(startKnot()));
