import { CLOUDFLARE_TOKEN, startCloudflare } from '../../../test/support/dns/cloud/cloudflare.ts';
import { DIGITALOCEAN_TOKEN, startDigitalOcean } from '../../../test/support/dns/cloud/digitalocean.ts';
import { HETZNER_TOKEN, startHetzner } from '../../../test/support/dns/cloud/hetzner.ts';
import { ROUTE53_KEY, startRoute53 } from '../../../test/support/dns/cloud/route53.ts';
import { testProvider } from '../../../test/support/dns/provider-contract.ts';
import { ZONE } from '../../../test/support/dns/zone-server.ts';
import { createCloudflareProvider } from './cloudflare.ts';
import { createDigitalOceanProvider } from './digitalocean.ts';
import { createHetznerProvider } from './hetzner.ts';
import { createRoute53Provider } from './route53.ts';

// Each against a server on loopback that speaks the provider's documented API; none of them is the provider itself.

testProvider('Cloudflare’s API', async () => {
  const { url, stop } = await startCloudflare();
  const settings = { provider: 'cloudflare', apiToken: CLOUDFLARE_TOKEN, apiUrl: url } as const;
  return {
    provider: createCloudflareProvider(ZONE, settings),
    withWrongCredential: createCloudflareProvider(ZONE, { ...settings, apiToken: 'wrong' }),
    ofUnknownZone: createCloudflareProvider('example.org', settings),
    stop,
  };
});

testProvider('Route 53’s API', async () => {
  const { url, stop } = await startRoute53();
  const settings = { provider: 'route53', ...ROUTE53_KEY, apiUrl: url } as const;
  return {
    provider: createRoute53Provider(ZONE, settings),
    withWrongCredential: createRoute53Provider(ZONE, { ...settings, secretAccessKey: 'wrong' }),
    ofUnknownZone: createRoute53Provider('example.org', settings),
    stop,
  };
});

testProvider('Hetzner’s API', async () => {
  const { url, stop } = await startHetzner();
  const settings = { provider: 'hetzner', apiToken: HETZNER_TOKEN, apiUrl: url } as const;
  const clock = { sleep: async () => undefined };
  return {
    provider: createHetznerProvider(ZONE, settings, clock),
    withWrongCredential: createHetznerProvider(ZONE, { ...settings, apiToken: 'wrong' }, clock),
    ofUnknownZone: createHetznerProvider('example.org', settings, clock),
    stop,
  };
});

testProvider('DigitalOcean’s API', async () => {
  const { url, stop } = await startDigitalOcean();
  const settings = { provider: 'digitalocean', apiToken: DIGITALOCEAN_TOKEN, apiUrl: url } as const;
  return {
    provider: createDigitalOceanProvider(ZONE, settings),
    withWrongCredential: createDigitalOceanProvider(ZONE, { ...settings, apiToken: 'wrong' }),
    ofUnknownZone: createDigitalOceanProvider('example.org', settings),
    stop,
  };
});
