import { z } from 'zod';
import { ZoneName } from './dns-zone.ts';
import type { LoadBalancerSpec } from './load-balancer.ts';
import { Domain, MAX_DOMAINS } from './tls.ts';
import { IpText } from './network-text.ts';

/** TTL of records for which the spec names none, in seconds. */
export const DEFAULT_DNS_TTL = 60;

export const Dns = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe(
        'Make and keep DNS records. false leaves DNS alone, and removes what was made before. Default: true.',
      ),
    domains: z
      .array(Domain)
      .max(MAX_DOMAINS)
      .default([])
      .describe(
        'Domains to have A and AAAA records for, besides those of `tls`, which always have them. Default: none.',
      ),
    zone: ZoneName.optional().describe(
      'The DNS zone in which to make the records. Default: of the zones that cover a domain the longest.',
    ),
    ttl: z
      .int()
      .min(60)
      .max(86_400)
      .default(DEFAULT_DNS_TTL)
      .describe('Seconds for which others may keep the records. Default: 60.'),
    addresses: z
      .array(IpText)
      .min(1)
      .max(16)
      .optional()
      .describe(
        'The addresses that the records hold, where clients come in by others than the load balancer’s own: behind NAT, for example. Default: its own, `status.addresses`.',
      ),
  })
  .describe('DNS records of the load balancer’s domains.');
export type Dns = z.infer<typeof Dns>;

/** The domains that should lead to a load balancer, those of its certificates first. */
export function domainsOf({ tls, dns }: Pick<LoadBalancerSpec, 'tls' | 'dns'>): string[] {
  const served = tls?.domains ?? (tls?.domain === undefined ? [] : [tls.domain]);
  return [...new Set([...served, ...(dns?.domains ?? [])])];
}

/** The same, where DNS is to be looked after. */
export function dnsDomains(spec: Pick<LoadBalancerSpec, 'tls' | 'dns'>): string[] {
  return spec.dns?.enabled === false ? [] : domainsOf(spec);
}
