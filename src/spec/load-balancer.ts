import { z } from 'zod';
import { Access } from './access.ts';
import { Dns } from './dns.ts';
import { Headers } from './header.ts';
import { Labels, ResourceName } from './name.ts';
import { MAX_POOLS, POOL_FIELDS, type Pool, PoolInput, PoolName, completePool } from './pool.ts';
import { MAX_PORTS, PortsText, parsePorts } from './ports.ts';
import { RateLimit } from './rate-limit.ts';
import { MAX_ROUTES, Route, completeRoutes } from './route.ts';
import { Timeouts, completeTimeouts } from './timeouts.ts';
import { type Tls, TlsInput, completeTls } from './tls.ts';
import { Compression, Maintenance, ProxyProtocol } from './traffic.ts';

/** With more nodes, what they tell each other would be most of what they do. */
const MAX_NODES = 16;

/** The spec as a user writes it. Only `type` is required. */
export const LoadBalancerSpecInput = z
  .strictObject({
    type: z.enum(['http', 'tcp']).describe('http (L7: ports 80 and 443) or tcp (L4: one port or several).'),
    vpc: ResourceName.default('default').describe('The VPC in which the backends are. Default: `default`.'),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe(
        'tcp: the port to listen on, required unless `ports` is given. http: the port of plain HTTP. Default: 80 for http; the first of `ports` for tcp.',
      ),
    ports: z
      .array(PortsText)
      .min(1)
      .max(100)
      .optional()
      .describe(
        `tcp: further ports to listen on, each a port or a range such as "6000-6010"; at most ${MAX_PORTS} in all. Default: none.`,
      ),
    nodes: z
      .int()
      .min(1)
      .max(MAX_NODES)
      .default(1)
      .describe(
        'How many machines serve it. More than 1 needs machines of the VPC’s own (`agentmetal machine add`). Default: 1.',
      ),
    ...POOL_FIELDS,
    tls: TlsInput.optional(),
    dns: Dns.optional(),
    http2: z.boolean().default(true).describe('Offer HTTP/2 to clients (http, over TLS). Default: true.'),
    rateLimit: RateLimit.optional(),
    access: Access.optional(),
    pools: z
      .record(PoolName, PoolInput)
      .refine((pools) => Object.keys(pools).length <= MAX_POOLS, `at most ${MAX_POOLS} pools`)
      .default({})
      .describe(
        'Further pools by name, for routes to send to. The pool `default` is made of the fields at the top. Default: none.',
      ),
    routes: z
      .array(Route)
      .max(MAX_ROUTES)
      .default([])
      .describe(
        'Rules in order: the first that matches decides. What none matches goes to the pool `default`. tcp: by the server name (SNI) of TLS clients. Default: none.',
      ),
    headers: Headers.optional(),
    timeouts: Timeouts.prefault({}),
    retries: z
      .int()
      .min(0)
      .max(10)
      .default(3)
      .describe(
        'How often a failed connection to a backend is tried again, the last time on another backend. Only requests that may be repeated (GET, HEAD, OPTIONS) are sent again once they have been sent. Default: 3.',
      ),
    maxConnections: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(0)
      .describe('Client connections at once; further ones wait to be accepted. 0 is no limit. Default: 0.'),
    compression: Compression.optional(),
    proxyProtocol: ProxyProtocol.optional(),
    maintenance: Maintenance.optional(),
    deletionProtection: z
      .boolean()
      .default(false)
      .describe('Refuse deletion until this is set to false. Default: false.'),
  })
  .describe('What a load balancer should be.');
export type LoadBalancerSpecInput = z.input<typeof LoadBalancerSpecInput>;

type Completed = 'port' | 'healthCheck' | 'sticky' | 'pools' | 'routes' | 'timeouts' | 'tls';

/** The spec with every default filled in: what is stored, answered, planned and rendered. */
export interface LoadBalancerSpec extends Omit<z.output<typeof LoadBalancerSpecInput>, Completed>, Pool {
  port: number;
  pools: Record<string, Pool>;
  routes: Route[];
  timeouts: Timeouts;
  tls?: Tls;
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
  const { type, vpc, port, ports, nodes, pools, routes, timeouts, tls, ...rest } = input;
  const { algorithm, backends, healthCheck, sticky, protocol, slowStart, failOpen, ...others } = rest;
  const pool = { algorithm, backends, healthCheck, protocol, failOpen };
  const optional = {
    ...(sticky === undefined ? {} : { sticky }),
    ...(slowStart === undefined ? {} : { slowStart }),
  };
  return {
    type,
    vpc,
    port: port ?? (type === 'http' ? 80 : (parsePorts(ports?.[0] ?? '')?.first ?? 0)),
    ...(ports === undefined ? {} : { ports }),
    nodes,
    ...completePool({ ...pool, ...optional }, type),
    pools: Object.fromEntries(
      Object.entries(pools).map(([name, entry]) => [name, completePool(entry, type)]),
    ),
    routes: completeRoutes(routes),
    timeouts: completeTimeouts(timeouts, type),
    ...(tls === undefined ? {} : { tls: completeTls(tls, type) }),
    ...others,
  };
}

export { poolsOf } from './pools-of.ts';
export { portRanges } from './port-range.ts';
