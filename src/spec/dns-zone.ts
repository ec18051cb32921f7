import { z } from 'zod';
import { Labels } from './name.ts';
import { HostName } from './vpc.ts';

const ZONE = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const KEY_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const SECRET_CHARACTERS = /^[\u0021-\u007e]+$/;

/** A DNS zone's name, stored in lower case without the dot at its end. */
export const ZoneName = z
  .string()
  .overwrite((text) => text.toLowerCase().replace(/\.$/, ''))
  .regex(ZONE, 'must be a zone such as example.com')
  .describe('The zone: the domain under which its records are, such as example.com.')
  .meta({ examples: ['example.com'] });

/** A credential. It is stored encrypted and never comes back. */
const Secret = z
  .string()
  .min(1)
  .max(4096)
  .regex(SECRET_CHARACTERS, { error: 'must be printable ASCII without spaces', abort: true });

const ApiUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .overwrite((text) => text.replace(/\/+$/, ''));

export const TSIG_ALGORITHMS = [
  'hmac-sha1',
  'hmac-sha224',
  'hmac-sha256',
  'hmac-sha384',
  'hmac-sha512',
] as const;

export const TsigKey = z
  .strictObject({
    name: z
      .string()
      .overwrite((text) => text.toLowerCase().replace(/\.$/, ''))
      .regex(KEY_NAME, 'must be a key’s name such as lb-key')
      .describe('Name of the key, as the name server has it.'),
    algorithm: z.enum(TSIG_ALGORITHMS).default('hmac-sha256').describe('Default: hmac-sha256.'),
    secret: z
      .base64({ error: 'must be base64, as tsig-keygen prints it', abort: true })
      .min(1)
      .max(1024)
      .describe('The shared secret in base64. It is stored encrypted and never comes back.'),
  })
  .describe('A TSIG key (RFC 8945).');
export type TsigKey = z.infer<typeof TsigKey>;

export const Rfc2136 = z
  .strictObject({
    provider: z.literal('rfc2136'),
    server: HostName.or(z.ipv4()).or(z.ipv6()).describe('The primary name server: its address or host name.'),
    port: z.int().min(1).max(65_535).default(53).describe('Its TCP port. Default: 53.'),
    tsig: TsigKey,
  })
  .describe('A name server that takes dynamic updates: BIND, Knot, PowerDNS, Windows DNS and others.');

export const PowerDns = z
  .strictObject({
    provider: z.literal('powerdns'),
    apiUrl: ApiUrl.describe('Where its API listens, without /api/v1: http://192.0.2.53:8081.'),
    serverId: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be a server id such as localhost')
      .default('localhost')
      .describe('The server’s id in the API. Default: localhost.'),
    apiKey: Secret.describe('Its `api-key`. It is stored encrypted and never comes back.'),
  })
  .describe('PowerDNS Authoritative Server by its HTTP API.');

export const Cloudflare = z
  .strictObject({
    provider: z.literal('cloudflare'),
    apiToken: Secret.describe(
      'An API token with Zone.DNS edit on the zone. It is stored encrypted and never comes back.',
    ),
    apiUrl: ApiUrl.optional().describe('Another address of the API. Default: Cloudflare’s own.'),
  })
  .describe('Cloudflare. Records are made without its proxy, because the load balancer itself ends TLS.');

export const Route53 = z
  .strictObject({
    provider: z.literal('route53'),
    accessKeyId: z
      .string()
      .regex(/^[A-Z0-9]{16,128}$/, 'must be an access key id such as AKIAIOSFODNN7EXAMPLE')
      .describe('Id of the access key.'),
    secretAccessKey: Secret.describe('The access key. It is stored encrypted and never comes back.'),
    hostedZoneId: z
      .string()
      .regex(/^[A-Z0-9]{1,32}$/, 'must be a hosted zone’s id such as Z1D633PJN98FT9')
      .optional()
      .describe('The hosted zone, where several have the name. Default: the public one of the name.'),
    apiUrl: ApiUrl.optional().describe('Another address of the API. Default: that of AWS.'),
  })
  .describe('Amazon Route 53.');

export const Hetzner = z
  .strictObject({
    provider: z.literal('hetzner'),
    apiToken: Secret.describe(
      'An API token of the project with read and write. It is stored encrypted and never comes back.',
    ),
    apiUrl: ApiUrl.optional().describe('Another address of the API. Default: https://api.hetzner.cloud/v1.'),
  })
  .describe('Hetzner DNS in the Hetzner Cloud API.');

export const DigitalOcean = z
  .strictObject({
    provider: z.literal('digitalocean'),
    apiToken: Secret.describe(
      'A personal access token with the domain scopes. It is stored encrypted and never comes back.',
    ),
    apiUrl: ApiUrl.optional().describe('Another address of the API. Default: https://api.digitalocean.com.'),
  })
  .describe('DigitalOcean.');

export const DnsZoneSpec = z
  .discriminatedUnion('provider', [Rfc2136, PowerDns, Cloudflare, Route53, Hetzner, DigitalOcean])
  .describe('Who serves the zone, and the credential to change it.');
export type DnsZoneSpec = z.infer<typeof DnsZoneSpec>;
export type DnsProviderName = DnsZoneSpec['provider'];

export const DNS_PROVIDERS: readonly DnsProviderName[] = DnsZoneSpec.options.map(
  (option) => option.shape.provider.value,
);

/** Who serves the zone, without the credential: what is answered and shown. */
export const PublicDnsZoneSpec = z
  .discriminatedUnion('provider', [
    Rfc2136.extend({ tsig: TsigKey.omit({ secret: true }) }),
    PowerDns.omit({ apiKey: true }),
    Cloudflare.omit({ apiToken: true }),
    Route53.omit({ secretAccessKey: true }),
    Hetzner.omit({ apiToken: true }),
    DigitalOcean.omit({ apiToken: true }),
  ])
  .describe('Who serves the zone. The credential never comes back.');
export type PublicDnsZoneSpec = z.infer<typeof PublicDnsZoneSpec>;

/** Leaves the credential out. */
export function withoutSecrets(spec: DnsZoneSpec): PublicDnsZoneSpec {
  switch (spec.provider) {
    case 'rfc2136': {
      const { tsig, ...rest } = spec;
      return { ...rest, tsig: { name: tsig.name, algorithm: tsig.algorithm } };
    }
    case 'powerdns': {
      const { apiKey: _, ...rest } = spec;
      return rest;
    }
    case 'route53': {
      const { secretAccessKey: _, ...rest } = spec;
      return rest;
    }
    default: {
      const { apiToken: _, ...rest } = spec;
      return rest;
    }
  }
}

/** A zone as POST takes it. */
export const DnsZoneInput = z
  .strictObject({ name: ZoneName, labels: Labels.default({}), spec: DnsZoneSpec })
  .describe('A DNS zone in which AgentMetal may make records.');
export type DnsZoneInput = z.output<typeof DnsZoneInput>;

/** The zone that covers a domain: of those above it the longest. */
export function coveringZone(domain: string, zones: Iterable<string>): string | undefined {
  const bare = domain.replace(/^\*\./, '');
  let longest: string | undefined;
  for (const zone of zones) {
    const covers = bare === zone || bare.endsWith(`.${zone}`);
    if (covers && zone.length > (longest?.length ?? 0)) longest = zone;
  }
  return longest;
}
