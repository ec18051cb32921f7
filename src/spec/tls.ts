import { z } from 'zod';

const DOMAIN = /^(?=.{1,253}$)(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A domain that a certificate can be for, stored in lower case. */
export const Domain = z
  .string()
  .overwrite((text) => text.toLowerCase())
  .regex(DOMAIN, 'must be a domain such as app.example.com')
  .describe('A domain name such as app.example.com.');

/** The most domains of one load balancer. */
export const MAX_DOMAINS = 100;

export const Tls = z
  .strictObject({
    mode: z
      .enum(['terminate', 'passthrough'])
      .default('terminate')
      .describe(
        'tcp: whether TLS ends at the load balancer, or goes through to the backend untouched. Default: terminate.',
      ),
    domain: Domain.optional().describe(
      'The domain to have a certificate for. The same as `domains` with one entry.',
    ),
    domains: z
      .array(Domain)
      .min(1)
      .max(MAX_DOMAINS)
      .optional()
      .describe('The domains to have certificates for.'),
    autoRenew: z
      .boolean()
      .default(true)
      .describe('Renew certificates by itself before they end. Default: true.'),
    redirect: z
      .boolean()
      .default(true)
      .describe('Send plain HTTP to HTTPS once a real certificate is served. Default: true.'),
    minVersion: z
      .enum(['1.2', '1.3'])
      .default('1.2')
      .describe('Oldest TLS version that is spoken. Default: 1.2 (Mozilla intermediate profile).'),
  })
  .describe('TLS between clients and load balancer.');
export type Tls = z.infer<typeof Tls>;
