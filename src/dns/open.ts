import type { DnsZoneSpec } from '../spec/dns-zone.ts';
import type { DnsProvider, ProviderContext } from './provider.ts';

/** Whoever serves a zone, with its credential. A provider's client is loaded when a zone needs it. */
export async function openProvider(
  zone: string,
  spec: DnsZoneSpec,
  context: ProviderContext,
): Promise<DnsProvider> {
  switch (spec.provider) {
    case 'rfc2136':
      return (await import('./providers/rfc2136/provider.ts')).createRfc2136Provider(zone, spec, context);
    case 'powerdns':
      return (await import('./providers/powerdns.ts')).createPowerDnsProvider(zone, spec, context);
    case 'cloudflare':
      return (await import('./providers/cloudflare.ts')).createCloudflareProvider(zone, spec, context);
    case 'route53':
      return (await import('./providers/route53.ts')).createRoute53Provider(zone, spec, context);
    case 'hetzner':
      return (await import('./providers/hetzner.ts')).createHetznerProvider(zone, spec, context);
    case 'digitalocean':
      return (await import('./providers/digitalocean.ts')).createDigitalOceanProvider(zone, spec, context);
  }
}
