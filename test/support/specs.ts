import fc from 'fast-check';
import { CA_CERTIFICATE } from './ca.ts';
import { acceptableCheck } from './check-specs.ts';
import { POOLS, backendParts, httpParts, poolParts, tcpParts, tcpRoutes } from './traffic-specs.ts';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const hostName = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => `${labels.join('.')}.x`);
const ipv4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)).map(([a, b, c]) => `10.${a}.${b}.${c}`);
const ipv6 = fc
  .array(fc.nat(0xffff), { minLength: 7, maxLength: 7 })
  .map((words) => `[fd00:${words.map((word) => word.toString(16)).join(':')}]`);
const port = fc.integer({ min: 1, max: 65_535 });
const target = fc.tuple(fc.oneof(hostName, ipv4, ipv6), port).map(([host, number]) => `${host}:${number}`);

const backend = fc.record(
  {
    target,
    weight: fc.integer({ min: 0, max: 256 }),
    backup: fc.boolean(),
    maxConnections: fc.integer({ min: 0, max: 1000 }),
    drain: fc.boolean(),
    ...backendParts,
  },
  { requiredKeys: ['target'] },
);

const ALGORITHMS = ['roundrobin', 'leastconn', 'source', 'random', 'first'];

/** The fields of a pool, at the top of the spec as well as in `pools`. */
const poolFields = (isHttp: boolean) => ({
  algorithm: fc.constantFrom(...ALGORITHMS, ...(isHttp ? ['uri', 'header:X-Tenant'] : [])),
  backends: fc.uniqueArray(backend, { selector: (entry) => entry.target, maxLength: 4 }),
  healthCheck: acceptableCheck(isHttp),
  ...poolParts(isHttp),
});
const pools = (isHttp: boolean) =>
  fc.record(
    Object.fromEntries(POOLS.map((name) => [name, fc.record(poolFields(isHttp), { requiredKeys: [] })])),
  );

const tlsParts = {
  domain: label.map((name) => `${name}.example.com`),
  minVersion: fc.constantFrom('1.2', '1.3'),
  certificate: fc.constantFrom('main', 'next'),
  clientCa: fc.oneof(
    fc.constant(CA_CERTIFICATE),
    fc.record({ certificates: fc.constant(CA_CERTIFICATE), verify: fc.constantFrom('required', 'optional') }),
  ),
};
const certificates = fc.record(tlsParts, { requiredKeys: [] });
const httpTls = fc.record(
  {
    ...tlsParts,
    challenge: fc.constantFrom('http', 'dns'),
    redirect: fc.boolean(),
    hsts: fc.oneof(
      fc.boolean(),
      fc.record(
        {
          maxAge: fc.constantFrom('0s', '400d'),
          includeSubDomains: fc.constant(true),
          preload: fc.constant(false),
        },
        { requiredKeys: [] },
      ),
    ),
  },
  { requiredKeys: [] },
);
const httpSpec = fc.record(
  {
    type: fc.constant('http'),
    port: fc.integer({ min: 1, max: 65_535 }).filter((number) => number !== 443),
    tls: httpTls,
    pools: pools(true),
    ...poolFields(true),
    ...httpParts,
  },
  { requiredKeys: ['type', 'pools'] },
);
const plainTcpSpec = fc.record(
  { type: fc.constant('tcp'), port, pools: pools(false), ...poolFields(false), ...tcpParts },
  { requiredKeys: ['type', 'port', 'pools'] },
);
const tlsTcpSpec = fc.record(
  {
    type: fc.constant('tcp'),
    port,
    tls: fc.oneof(
      certificates.map((tls) => ({ mode: 'terminate', ...tls })),
      fc.constant({ mode: 'passthrough' }),
    ),
    routes: tcpRoutes,
    pools: pools(false),
    ...poolFields(false),
    ...tcpParts,
  },
  { requiredKeys: ['type', 'port', 'pools', 'tls'] },
);

/** Specs that should be accepted, with awkward texts wherever texts are free. */
export const acceptableSpec: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  httpSpec,
  plainTcpSpec,
  tlsTcpSpec,
);
