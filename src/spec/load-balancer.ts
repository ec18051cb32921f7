import { z } from 'zod';
import { Backend } from './backend.ts';
import { type HealthCheck, HealthCheckInput, completeHealthCheck } from './health-check.ts';
import { Labels, ResourceName } from './name.ts';
import { Tls } from './tls.ts';

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

/** The spec as a user writes it. Only `type` is required. */
export const LoadBalancerSpecInput = z
  .strictObject({
    type: z.enum(['http', 'tcp']).describe('http (L7: ports 80 and 443) or tcp (L4: one port).'),
    vpc: ResourceName.default('default').describe('The VPC in which the backends are. Default: `default`.'),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe('tcp: the port to listen on, required. http: the port of plain HTTP. Default for http: 80.'),
    nodes: z.literal(1).default(1).describe('How many machines serve it. Default: 1.'),
    algorithm: Algorithm.default('roundrobin'),
    backends: z
      .array(Backend)
      .max(MAX_BACKENDS)
      .default([])
      .describe('The servers behind it. Default: none.'),
    healthCheck: HealthCheckInput.prefault({}),
    tls: Tls.optional(),
    deletionProtection: z
      .boolean()
      .default(false)
      .describe('Refuse deletion until this is set to false. Default: false.'),
  })
  .describe('What a load balancer should be.');
export type LoadBalancerSpecInput = z.input<typeof LoadBalancerSpecInput>;

/** The spec with every default filled in: what is stored, answered, planned and rendered. */
export interface LoadBalancerSpec extends Omit<
  z.output<typeof LoadBalancerSpecInput>,
  'healthCheck' | 'port'
> {
  port: number;
  healthCheck: HealthCheck;
}

/** A load balancer as POST and PUT take it. */
export const LoadBalancerInput = z
  .strictObject({ name: ResourceName, labels: Labels.default({}), spec: LoadBalancerSpecInput })
  .describe('A load balancer to create or replace.');
export type LoadBalancerInput = z.input<typeof LoadBalancerInput>;

/** A load balancer whose fields have all been accepted. */
export interface LoadBalancerDefinition {
  name: string;
  labels: Labels;
  spec: LoadBalancerSpec;
}

/** Fills in the defaults that depend on other fields. The input must have passed {@link validateLoadBalancer}. */
export function completeSpec(input: z.output<typeof LoadBalancerSpecInput>): LoadBalancerSpec {
  const { type, vpc, port = 80, nodes, algorithm, backends, healthCheck, ...rest } = input;
  return {
    type,
    vpc,
    port,
    nodes,
    algorithm,
    backends,
    healthCheck: completeHealthCheck(healthCheck, type),
    ...rest,
  };
}
