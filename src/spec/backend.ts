import { z } from 'zod';
import { durationBetween } from './duration.ts';
import { PemCertificates } from './pem.ts';
import { TargetText } from './target.ts';

export const BackendTls = z
  .strictObject({
    verify: z
      .boolean()
      .default(true)
      .describe('Whether the backend must show a certificate that the CA vouches for. Default: true.'),
    serverName: z
      .string()
      .overwrite((text) => text.toLowerCase())
      .regex(
        /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/,
        'must be a host name',
      )
      .optional()
      .describe(
        'Name that is asked for (SNI) and that the certificate must be for. Default: the target’s host, unless it is an address.',
      ),
    ca: PemCertificates.optional().describe(
      'Certificates of the CA, in PEM. Default: those that the machine trusts.',
    ),
  })
  .describe('TLS between load balancer and backend.');
export type BackendTls = z.infer<typeof BackendTls>;

export const BackendCheck = z
  .strictObject({
    port: z.int().min(1).max(65_535).optional().describe('Port to check.'),
    interval: durationBetween(100, 3_600_000).optional().describe('Time between two checks.'),
    fall: z.int().min(1).max(100).optional().describe('Failed checks in a row that take it out.'),
    rise: z.int().min(1).max(100).optional().describe('Passed checks in a row that bring it back.'),
  })
  .describe('What differs from the pool’s health check for this backend.');
export type BackendCheck = z.infer<typeof BackendCheck>;

/** One server behind a load balancer. */
export const Backend = z
  .strictObject({
    target: TargetText,
    weight: z
      .int()
      .min(0)
      .max(256)
      .default(1)
      .describe(
        'Share of new traffic relative to the other backends, 0 to 256; 0 takes no new clients. Default: 1.',
      ),
    backup: z
      .boolean()
      .default(false)
      .describe('Takes traffic only when every backend that is not a backup is down. Default: false.'),
    maxConnections: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(0)
      .describe('Connections at once before requests wait in the queue; 0 is no limit. Default: 0.'),
    drain: z
      .boolean()
      .default(false)
      .describe('Takes no new clients while the present ones finish. Default: false.'),
    tls: BackendTls.optional(),
    sendProxy: z
      .enum(['v1', 'v2'])
      .optional()
      .describe('Tell the backend the client’s address by the PROXY protocol of this version. Default: no.'),
    healthCheck: BackendCheck.optional(),
  })
  .describe('One server behind the load balancer.');
export type Backend = z.infer<typeof Backend>;

/** What may be changed of a backend that exists: everything but where it is. */
export const BackendSettings = Backend.omit({ target: true });
export type BackendSettings = z.infer<typeof BackendSettings>;
