import { z } from 'zod';
import { durationBetween } from './duration.ts';
import { ResourceName } from './name.ts';
import { PemCertificates, PemRevocationLists } from './pem.ts';

const DOMAIN = /^(?=.{1,253}$)(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A domain that a certificate can be for, stored in lower case. */
export const Domain = z
  .string()
  .overwrite((text) => text.toLowerCase())
  .regex(DOMAIN, 'must be a domain such as app.example.com')
  .describe('A domain name such as app.example.com.');

/** The most domains of one load balancer. */
export const MAX_DOMAINS = 100;

/** Two years, which Mozilla and the preload list of browsers ask for. */
const HSTS_MAX_AGE = '730d';
const MAX_HSTS_MS = 10 * 365 * 86_400_000;

export const Hsts = z
  .strictObject({
    maxAge: durationBetween(0, MAX_HSTS_MS)
      .default(HSTS_MAX_AGE)
      .describe(
        'How long a browser comes by HTTPS alone; `0s` has browsers forget it at once. Default: 730d (two years).',
      ),
    includeSubDomains: z.boolean().default(false).describe('Also for all names below. Default: false.'),
    preload: z
      .boolean()
      .default(false)
      .describe(
        'Consent to be in the list that browsers ship with. Needs includeSubDomains and a maxAge of at least 365d. Default: false.',
      ),
  })
  .describe('The header Strict-Transport-Security (RFC 6797), which is sent over HTTPS alone.');
export type Hsts = z.infer<typeof Hsts>;

export const ClientCa = z
  .strictObject({
    certificates: PemCertificates.describe(
      'Certificates of the CAs that vouch for clients, in PEM; a change is a reload.',
    ),
    revocationLists: PemRevocationLists.optional().describe(
      'Revoked client certificates: the revocation list of each of these CAs, in PEM. One that has ended has every client refused. Default: none are looked at.',
    ),
    verify: z
      .enum(['required', 'optional'])
      .default('required')
      .describe(
        '`required`: nothing is served without a certificate, plain HTTP is answered 403 or redirected. `optional`: clients without one are let in, and the backend is told so; one that is not valid is refused. Default: required.',
      ),
  })
  .describe(
    'Clients show certificates (mutual TLS). http: backends are told of them by the headers X-Client-Cert-Verified, -Subject, -Issuer, -Serial, -Not-After and -Sha256, which are taken away when a client sends them.',
  );
export type ClientCa = z.infer<typeof ClientCa>;

export const TlsInput = z
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
      .describe('The domains to have certificates for. What `certificate` is for is not ordered.'),
    autoRenew: z
      .boolean()
      .default(true)
      .describe('Renew certificates by itself before they end. Default: true.'),
    challenge: z
      .enum(['http', 'dns'])
      .optional()
      .describe(
        'How the CA is shown that the domains are yours: `http` (the load balancer answers on port 80) or `dns` (a TXT record; wildcards and tcp need it). Default: dns for wildcards and tcp, else http.',
      ),
    certificate: ResourceName.optional().describe(
      'Name of an uploaded certificate, which is served for all names that it is for, and to clients that name no host. Default: none.',
    ),
    redirect: z
      .boolean()
      .default(true)
      .describe(
        'Send plain HTTP to HTTPS, for each host from when a real certificate is served for it. Default: true.',
      ),
    minVersion: z
      .enum(['1.2', '1.3'])
      .default('1.2')
      .describe('Oldest TLS version that is spoken. Default: 1.2 (Mozilla intermediate profile).'),
    hsts: z
      .union([z.boolean(), Hsts])
      .optional()
      .describe(
        'Have browsers come by HTTPS alone (http). `true` is the same as `{}`; false is none. Default: none.',
      ),
    clientCa: z
      .union([PemCertificates, ClientCa])
      .optional()
      .describe(
        'CAs that vouch for clients. The PEM alone is the same as `{certificates: PEM}`. Default: clients show no certificates.',
      ),
  })
  .describe('TLS between clients and load balancer.');

/** TLS with every default filled in. */
export interface Tls extends Omit<z.output<typeof TlsInput>, 'challenge' | 'hsts' | 'clientCa'> {
  challenge: 'http' | 'dns';
  hsts?: Hsts;
  clientCa?: ClientCa;
}

/** Fills in the defaults that depend on other fields. */
export function completeTls(
  { challenge, hsts, clientCa, ...rest }: z.output<typeof TlsInput>,
  type: 'http' | 'tcp',
): Tls {
  const settings = hsts === true ? Hsts.parse({}) : hsts;
  return {
    ...rest,
    challenge: challenge ?? usualChallenge(rest, type),
    ...(settings ? { hsts: settings } : {}),
    ...(clientCa === undefined
      ? {}
      : { clientCa: typeof clientCa === 'string' ? ClientCa.parse({ certificates: clientCa }) : clientCa }),
  };
}

/** A CA gives certificates for wildcards by DNS alone, and a tcp load balancer has no port 80 to answer on. */
export function usualChallenge(
  tls: Pick<Tls, 'domain' | 'domains'> | undefined,
  type: 'http' | 'tcp',
): 'http' | 'dns' {
  const isWild = domainsOf(tls).some((domain) => domain.startsWith('*.'));
  return type === 'tcp' || isWild ? 'dns' : 'http';
}

/** The domains that certificates are wanted for. */
export function domainsOf(tls: Pick<Tls, 'domain' | 'domains'> | undefined): readonly string[] {
  return tls?.domains ?? (tls?.domain === undefined ? [] : [tls.domain]);
}

/** Whether a certificate for that name is one for the host: a `*.` stands for one label (RFC 6125, section 6.4.3). */
export function coversHost(name: string, host: string): boolean {
  return (
    name === host || (name.startsWith('*.') && host.indexOf('.') > 0 && host.replace(/^[^.]+/, '*') === name)
  );
}
