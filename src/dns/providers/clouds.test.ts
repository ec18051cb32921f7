import { expect, onTestFinished, test } from 'vitest';
import { CLOUDFLARE_TOKEN, startCloudflare } from '../../../test/support/dns/cloud/cloudflare.ts';
import { DIGITALOCEAN_TOKEN, startDigitalOcean } from '../../../test/support/dns/cloud/digitalocean.ts';
import { HETZNER_TOKEN, startHetzner } from '../../../test/support/dns/cloud/hetzner.ts';
import { ROUTE53_KEY, startRoute53 } from '../../../test/support/dns/cloud/route53.ts';
import { PROVIDER_CONTEXT, testProvider } from '../../../test/support/dns/provider-contract.ts';
import { ZONE } from '../../../test/support/dns/zone-server.ts';
import { systemClock } from '../../base/clock.ts';
import { createCloudflareProvider } from './cloudflare.ts';
import { createDigitalOceanProvider } from './digitalocean.ts';
import { createHetznerProvider } from './hetzner.ts';
import { createRoute53Provider } from './route53.ts';

/** Providers wait for their own servers; these are as far with the next question. */
const CONTEXT = { ...PROVIDER_CONTEXT, clock: { ...systemClock, sleep: async () => undefined } };

// Each against a server on loopback that speaks the provider's documented API; none of them is the provider itself.

testProvider('Cloudflare’s API', async () => {
  const { url, stop } = await startCloudflare();
  const settings = { provider: 'cloudflare', apiToken: CLOUDFLARE_TOKEN, apiUrl: url } as const;
  return {
    provider: createCloudflareProvider(ZONE, settings, CONTEXT),
    withWrongCredential: createCloudflareProvider(ZONE, { ...settings, apiToken: 'wrong' }, CONTEXT),
    ofUnknownZone: createCloudflareProvider('example.org', settings, CONTEXT),
    stop,
  };
});

testProvider('Route 53’s API', async () => {
  const { url, stop } = await startRoute53();
  const settings = { provider: 'route53', ...ROUTE53_KEY, apiUrl: url } as const;
  const wrong = { ...settings, secretAccessKey: 'wrong' };
  return {
    provider: createRoute53Provider(ZONE, settings, CONTEXT),
    withWrongCredential: createRoute53Provider(ZONE, wrong, CONTEXT),
    ofUnknownZone: createRoute53Provider('example.org', settings, CONTEXT),
    stop,
  };
});

testProvider('Hetzner’s API', async () => {
  const { url, stop } = await startHetzner();
  const settings = { provider: 'hetzner', apiToken: HETZNER_TOKEN, apiUrl: url } as const;
  return {
    provider: createHetznerProvider(ZONE, settings, CONTEXT),
    withWrongCredential: createHetznerProvider(ZONE, { ...settings, apiToken: 'wrong' }, CONTEXT),
    ofUnknownZone: createHetznerProvider('example.org', settings, CONTEXT),
    stop,
  };
});

testProvider('DigitalOcean’s API', async () => {
  const { url, stop } = await startDigitalOcean();
  const settings = { provider: 'digitalocean', apiToken: DIGITALOCEAN_TOKEN, apiUrl: url } as const;
  return {
    provider: createDigitalOceanProvider(ZONE, settings, CONTEXT),
    withWrongCredential: createDigitalOceanProvider(ZONE, { ...settings, apiToken: 'wrong' }, CONTEXT),
    ofUnknownZone: createDigitalOceanProvider('example.org', settings, CONTEXT),
    stop,
  };
});

test('Route 53: a text counts as added when it is in all of its name servers', async () => {
  const { url, stop } = await startRoute53();
  onTestFinished(stop);
  let waits = 0;
  const sleep = async () => void (waits += 1);
  const settings = { provider: 'route53', ...ROUTE53_KEY, apiUrl: url } as const;
  const provider = createRoute53Provider(ZONE, settings, { ...CONTEXT, clock: { ...systemClock, sleep } });
  await provider.addText({ name: '_acme-challenge.example.com', value: 'one', ttl: 60 });
  expect(waits).toBe(1);
  await provider.removeText({ name: '_acme-challenge.example.com', value: 'one' });
  expect(waits).toBe(1);
});
