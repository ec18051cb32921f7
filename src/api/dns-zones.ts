import { z } from 'zod';
import { PublicDnsZoneSpec } from '../spec/dns-zone.ts';
import { Labels } from '../spec/name.ts';

export const DnsZone = z
  .strictObject({
    id: z.string(),
    name: z.string().describe('The zone, such as example.com.'),
    labels: Labels,
    spec: PublicDnsZoneSpec,
    status: z.strictObject({
      state: z.enum(['ready', 'failed']).describe('Whether its provider did what was asked last.'),
      reason: z.string().describe('The state in words.'),
      loadBalancers: z.array(z.string()).describe('Names of the load balancers with records in it.'),
    }),
    revision: z.int(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .describe('A DNS zone in which records of load balancers are made. Its credential never comes back.');
export type DnsZone = z.infer<typeof DnsZone>;

const CHALLENGE_NAME = /^_acme-challenge\.[a-z0-9.-]{1,237}$/;

/** A TXT record by which a certificate authority sees that we have a domain (RFC 8555, 8.4). */
export const Challenge = z
  .strictObject({
    name: z
      .string()
      .overwrite((text) => text.toLowerCase())
      .regex(CHALLENGE_NAME, 'must be a name such as _acme-challenge.app.example.com')
      .describe('`_acme-challenge.` and a domain of a load balancer on the machine, without `*.`.'),
    value: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,255}$/, 'must be base64url')
      .describe('The text of the record.'),
  })
  .describe('A challenge of DNS-01.');
export type Challenge = z.infer<typeof Challenge>;
