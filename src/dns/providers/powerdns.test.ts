import { startPowerDns } from '../../../test/support/dns/powerdns.ts';
import { PROVIDER_CONTEXT, testProvider } from '../../../test/support/dns/provider-contract.ts';
import { ZONE, newTsigKey } from '../../../test/support/dns/zone-server.ts';
import { createPowerDnsProvider } from './powerdns.ts';
import { createRfc2136Provider } from './rfc2136/provider.ts';

testProvider('PowerDNS by its HTTP API', async () => {
  const { url, apiKey, resolver, stop } = await startPowerDns();
  const settings = { provider: 'powerdns', apiUrl: url, apiKey, serverId: 'localhost' } as const;
  return {
    provider: createPowerDnsProvider(ZONE, settings, PROVIDER_CONTEXT),
    withWrongCredential: createPowerDnsProvider(ZONE, { ...settings, apiKey: 'wrong' }, PROVIDER_CONTEXT),
    ofUnknownZone: createPowerDnsProvider('example.org', settings, PROVIDER_CONTEXT),
    resolver,
    stop,
  };
});

testProvider('PowerDNS by RFC 2136', async () => {
  const { port, key, resolver, stop } = await startPowerDns();
  const settings = { provider: 'rfc2136', server: '127.0.0.1', port, tsig: key } as const;
  return {
    provider: createRfc2136Provider(ZONE, settings, PROVIDER_CONTEXT),
    withWrongCredential: createRfc2136Provider(ZONE, { ...settings, tsig: newTsigKey() }, PROVIDER_CONTEXT),
    ofUnknownZone: createRfc2136Provider('example.org', settings, PROVIDER_CONTEXT),
    resolver,
    stop,
  };
});
