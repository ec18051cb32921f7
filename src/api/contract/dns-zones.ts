import { z } from 'zod';
import { DnsZoneInput } from '../../spec/dns-zone.ts';
import { DnsZone } from '../dns-zones.ts';
import { ResourceDryRun } from '../resources.ts';
import { DryRunQuery, SelectQuery, created, listResponse, nameOrId, orDryRun, resource } from './parts.ts';
import { defineRoutes } from './route.ts';

const params = z.strictObject({ zone: nameOrId });
const dryRun = { description: 'With `?dryRun=true`: what would happen.', schema: ResourceDryRun };
const EXAMPLES = {
  rfc2136: {
    name: 'example.com',
    spec: {
      provider: 'rfc2136',
      server: '192.0.2.53',
      tsig: { name: 'lb-key', algorithm: 'hmac-sha256', secret: 'c2VjcmV0IG9mIHRoZSBleGFtcGxl' },
    },
  },
  cloudflare: { name: 'example.com', spec: { provider: 'cloudflare', apiToken: 'token-of-the-example' } },
};

export const dnsZoneRoutes = defineRoutes({
  listDnsZones: {
    method: 'GET',
    path: '/v1/dns-zones',
    tag: 'DNS zones',
    summary: 'List DNS zones',
    description: 'In the order of their names, without their credentials.',
    role: 'viewer',
    query: SelectQuery,
    responses: listResponse(DnsZone),
  },
  createDnsZone: {
    method: 'POST',
    path: '/v1/dns-zones',
    tag: 'DNS zones',
    summary: 'Add a DNS zone',
    description:
      'The provider is asked first whether it has the zone and accepts the credential. From then on load balancers with domains in the zone get their records there.',
    role: 'admin',
    query: DryRunQuery,
    headers: ['Idempotency-Key'],
    body: { schema: DnsZoneInput, examples: EXAMPLES },
    problems: [502],
    responses: { 200: dryRun, 201: created(DnsZone, 'It was added.') },
  },
  getDnsZone: {
    method: 'GET',
    path: '/v1/dns-zones/{zone}',
    tag: 'DNS zones',
    summary: 'Show a DNS zone',
    description: 'Without its credential.',
    role: 'viewer',
    params,
    responses: { 200: resource(DnsZone, 'The zone.') },
  },
  replaceDnsZone: {
    method: 'PUT',
    path: '/v1/dns-zones/{zone}',
    tag: 'DNS zones',
    summary: 'Replace provider or credential of a DNS zone',
    description: 'The new ones are tried first. Name and records stay.',
    role: 'admin',
    params,
    query: DryRunQuery,
    headers: ['If-Match'],
    body: { schema: DnsZoneInput, examples: EXAMPLES },
    problems: [502],
    responses: { 200: resource(orDryRun(DnsZone, ResourceDryRun), 'The zone after the change.') },
  },
  deleteDnsZone: {
    method: 'DELETE',
    path: '/v1/dns-zones/{zone}',
    tag: 'DNS zones',
    summary: 'Remove a DNS zone',
    description:
      'Refused while load balancers have records in it, because nobody would keep those any more; `?keepRecords=true` leaves them in DNS as they are.',
    role: 'admin',
    params,
    query: DryRunQuery.extend({
      keepRecords: z
        .enum(['true', 'false'])
        .default('false')
        .transform((text) => text === 'true')
        .describe('`true`: leave the records of load balancers in DNS, and forget them. Default: false.'),
    }),
    headers: ['If-Match'],
    responses: { 200: dryRun, 204: { description: 'It is removed. DNS itself is as before.' } },
  },
});
