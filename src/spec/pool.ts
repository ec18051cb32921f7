import { z } from 'zod';
import { Backend } from './backend.ts';
import { durationBetween } from './duration.ts';
import { type HealthCheck, HealthCheckInput, completeHealthCheck } from './health-check.ts';
import { ResourceName } from './name.ts';
import { Sticky, completeSticky } from './sticky.ts';

/** An HTTP header's name that may choose a backend (RFC 9110 `token`, letters, digits and hyphens alone). */
const HEADER_ALGORITHM = /^header:[A-Za-z][A-Za-z0-9-]{0,63}$/;

export const Algorithm = z
  .union([
    z.enum(['roundrobin', 'leastconn', 'source', 'random', 'first', 'uri']),
    z
      .string()
      .regex(HEADER_ALGORITHM, 'must be roundrobin, leastconn, source, random, first, uri or header:NAME'),
  ])
  .describe(
    'How a backend is chosen: roundrobin, leastconn, source (client address), random, first, uri, or header:NAME. Default: roundrobin.',
  );
export type Algorithm = z.infer<typeof Algorithm>;

/** The most backends of one load balancer. */
export const MAX_BACKENDS = 10_000;
/** The most pools of one load balancer. */
export const MAX_POOLS = 1000;

/** What a pool is made of; the fields of the pool `default` stand at the top of the spec. */
export const POOL_FIELDS = {
  algorithm: Algorithm.default('roundrobin'),
  backends: z.array(Backend).max(MAX_BACKENDS).default([]).describe('The servers behind it. Default: none.'),
  healthCheck: HealthCheckInput.prefault({}),
  sticky: Sticky.optional(),
  protocol: z
    .enum(['http1', 'http2'])
    .default('http1')
    .describe('What is spoken to the backends (http); gRPC needs http2. Default: http1.'),
  slowStart: durationBetween(1000, 3_600_000)
    .optional()
    .describe('Time over which a backend that comes back gets its full share. Default: none.'),
  failOpen: z
    .boolean()
    .default(false)
    .describe(
      'When no backend passes its check, send traffic to all of them rather than to none. Default: false.',
    ),
} as const;

export const PoolInput = z
  .strictObject(POOL_FIELDS)
  .describe('A named group of backends with its health check, stickiness and algorithm.');

/** The fields of a pool that the schema reads and the completion turns into others. */
type Incomplete = 'healthCheck' | 'sticky';

/** A pool with every default filled in. */
export interface Pool extends Omit<z.output<typeof PoolInput>, Incomplete> {
  healthCheck: HealthCheck;
  sticky?: Sticky | undefined;
}

export const PoolName = ResourceName;

export { DEFAULT_POOL } from './pools-of.ts';

/** Fills in the defaults that depend on other fields. */
export function completePool(
  { healthCheck, sticky, ...rest }: z.output<typeof PoolInput>,
  balancer: 'http' | 'tcp',
): Pool {
  return {
    ...rest,
    healthCheck: completeHealthCheck(healthCheck, balancer),
    ...(sticky === undefined ? {} : { sticky: completeSticky(sticky) }),
  };
}
