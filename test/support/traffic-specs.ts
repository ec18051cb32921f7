import fc from 'fast-check';
import { CA_CERTIFICATE } from './ca.ts';

/** A record of which any field may be left out but for those named. */
function some<T extends object>(
  fields: { [K in keyof T]: fc.Arbitrary<T[K]> },
  requiredKeys: (keyof T)[] = [],
) {
  return fc.record(fields, { requiredKeys }) as fc.Arbitrary<Partial<T>>;
}

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const port = fc.integer({ min: 1, max: 65_535 });
const hostName = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => `${labels.join('.')}.x`);
const authority = fc.oneof(
  hostName,
  fc.tuple(hostName, port).map(([host, number]) => `${host}:${number}`),
);

/** Characters that mean something in some place or other of a configuration, and all the others. */
const awkward = fc.oneof(
  fc.constantFrom(...`'"\\#\${}%[]();,=<>&|*?~ `.split('')),
  fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' }),
);
const line = fc
  .string({ unit: awkward, minLength: 1, maxLength: 40 })
  // oxlint-disable-next-line no-control-regex
  .filter((text) => !/[\u0000-\u001f\u007f]|^ | $/.test(text));
const body = fc
  .string({
    unit: fc.oneof(awkward, fc.constantFrom('\n', '\r\n', '\t', '%[src]', '${HOME}')),
    maxLength: 60,
  })
  .filter((text) => !text.includes('\0'));

const pathCharacter = fc.constantFrom(..."abXY09-._~!$&'()*+,=:@%/".split(''));
const path = fc.array(pathCharacter, { maxLength: 20 }).map((characters) => `/${characters.join('')}`);
const location = fc.tuple(path, fc.constantFrom('', '?', '?a=b&c=%20')).map((parts) => parts.join(''));

const headerName = fc.stringMatching(/^[XY]-[A-Za-z0-9_-]{0,12}$/);
const byName = <T>(value: fc.Arbitrary<T>) =>
  fc
    .uniqueArray(fc.tuple(headerName, value), { selector: ([name]) => name.toLowerCase(), maxLength: 3 })
    .map((entries) => Object.fromEntries(entries) as Record<string, T>);
const headerChanges = some({
  set: byName(line),
  add: byName(line),
  remove: fc.uniqueArray(headerName, { maxLength: 3 }),
});
const headers = some({ request: headerChanges, response: headerChanges });

const cidr = fc.oneof(
  fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `10.${a}.${b}.0/24`),
  fc.nat(255).map((a) => `192.0.2.${a}`),
  fc.nat(0xffff).map((word) => `2001:db8:${word.toString(16)}::/48`),
  fc.constant('0.0.0.0/0'),
);
const cidrs = fc.array(cidr, { maxLength: 4 });

const duration = fc.constantFrom('1s', '5s', '90s', '2m', '1h');
const status = fc.integer({ min: 400, max: 599 });

const rateLimit = (isHttp: boolean) =>
  some(
    {
      requests: fc.integer({ min: 1, max: 1_000_000_000 }),
      window: duration,
      action: fc.constantFrom('deny', 'drop', 'observe', ...(isHttp ? ['tarpit'] : [])),
      key: isHttp
        ? fc.constantFrom('source-ip', 'path', 'header:X-Tenant', 'header:x_tenant')
        : fc.constant('source-ip'),
      status,
      exempt: cidrs,
    },
    ['requests'],
  );

const sourceSticky = some({ mode: fc.constant('source-ip'), ttl: duration }, ['mode']);
const cookieSticky = some(
  {
    mode: fc.constant('cookie'),
    cookieName: fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/),
    ttl: duration,
    secure: fc.constant(true),
    httpOnly: fc.boolean(),
    sameSite: fc.constantFrom('strict', 'lax', 'none'),
  },
  ['mode'],
);

/** What a backend may have besides its target and weights. */
export const backendParts = {
  tls: some({
    verify: fc.boolean(),
    serverName: hostName,
    ca: fc.constant(CA_CERTIFICATE),
  }),
  sendProxy: fc.constantFrom('v1', 'v2'),
  healthCheck: some({
    port,
    interval: fc.constantFrom('5s', '10s'),
    fall: fc.integer({ min: 1, max: 100 }),
    rise: fc.integer({ min: 1, max: 100 }),
  }),
};

/** What a pool may have besides its algorithm, backends and check. */
export const poolParts = (isHttp: boolean) => ({
  sticky: isHttp ? fc.oneof(cookieSticky, sourceSticky) : sourceSticky,
  ...(isHttp ? { protocol: fc.constantFrom('http1', 'http2') } : {}),
  slowStart: duration,
  failOpen: fc.boolean(),
});

/** The names of the further pools: always the same, so that every route's pools are there. */
export const POOLS = ['api', 'canary', 'constructor'];

const split = fc
  .uniqueArray(fc.constantFrom('default', ...POOLS), { minLength: 2, maxLength: 4 })
  .chain((pools) =>
    fc.tuple(...pools.map((pool, index) => fc.record({ pool: fc.constant(pool), weight: weightOf(index) }))),
  );

function weightOf(index: number): fc.Arbitrary<number> {
  return fc.integer({ min: index === 0 ? 1 : 0, max: 1000 });
}

const hostPattern = fc.oneof(
  hostName,
  hostName.map((host) => `*.${host}`),
);
const oneOrMore = <T>(item: fc.Arbitrary<T>) =>
  fc.oneof(item, fc.array(item, { minLength: 1, maxLength: 3 }));
const pool = fc.constantFrom('default', ...POOLS);

const match = fc.oneof(
  ...['path', 'pathPrefix'].map((field) =>
    some({
      host: oneOrMore(hostPattern),
      [field]: path,
      header: byName(fc.oneof(line, fc.constant('*'))),
      method: oneOrMore(fc.constantFrom('GET', 'POST', 'M-SEARCH')),
    }),
  ),
);
const prefixMatch = some({ host: oneOrMore(hostPattern), pathPrefix: path }, ['pathPrefix']);

const common = { headers, rateLimit: rateLimit(true) };
const toPool = some({ match, pool, rewrite: some({ path, host: authority }), ...common }, ['match', 'pool']);
const toSplit = some({ match, split, ...common }, ['match', 'split']);
const rewritten = some(
  { match: prefixMatch, pool, rewrite: some({ pathPrefix: path, host: authority }), ...common },
  ['match', 'pool', 'rewrite'],
);
const redirect = some(
  {
    match,
    redirect: fc.oneof(
      ...(['scheme', 'host', 'path'] as const).map((required) =>
        some(
          {
            scheme: fc.constantFrom('http', 'https'),
            host: authority,
            path: location,
            status: fc.constantFrom(301, 302, 303, 307, 308),
          },
          [required],
        ),
      ),
    ),
    ...common,
  },
  ['match', 'redirect'],
);
const respond = some(
  {
    match,
    respond: some({
      status: fc.integer({ min: 200, max: 599 }),
      contentType: fc.constantFrom('text/plain', 'application/json; charset=utf-8'),
      body,
    }),
    ...common,
  },
  ['match', 'respond'],
);

/** Some routes, a few of them with names of their own. */
function routesOf(route: fc.Arbitrary<object>): fc.Arbitrary<object[]> {
  const named = fc.tuple(route, fc.boolean());
  return fc
    .array(named, { maxLength: 5 })
    .map((entries) =>
      entries.map(([fields, isNamed], index) => (isNamed ? { name: `route-${index}`, ...fields } : fields)),
    );
}

const maintenance = some({ enabled: fc.boolean(), exempt: cidrs });
const commonParts = {
  access: some({ allow: cidrs, deny: cidrs }),
  proxyProtocol: some({ from: cidrs }),
  retries: fc.integer({ min: 0, max: 10 }),
  maxConnections: fc.integer({ min: 0, max: 100_000 }),
};
const timeouts = { connect: duration, client: duration, server: duration, queue: duration, drain: duration };

/** What only an http load balancer may have. */
export const httpParts = {
  ...commonParts,
  http2: fc.boolean(),
  rateLimit: rateLimit(true),
  routes: routesOf(fc.oneof(toPool, toSplit, rewritten, redirect, respond)),
  headers,
  timeouts: some({ ...timeouts, tunnel: duration, request: duration, keepAlive: duration }),
  compression: some({
    types: fc.uniqueArray(fc.constantFrom('text/html', 'image/svg+xml'), { minLength: 1 }),
  }),
  maintenance: fc.oneof(
    maintenance,
    some({ enabled: fc.boolean(), status, body, retryAfter: duration, exempt: cidrs }),
  ),
};

/** What a tcp load balancer may have with or without TLS. */
export const tcpParts = {
  ...commonParts,
  rateLimit: rateLimit(false),
  timeouts: some(timeouts),
  maintenance,
  ports: fc
    .uniqueArray(fc.integer({ min: 1, max: 6000 }), { minLength: 1, maxLength: 3 })
    .map((starts) =>
      starts.map((start) => (start % 2 === 0 ? `${start * 10}` : `${start * 10}-${start * 10 + 9}`)),
    ),
};

/** Routes of a tcp load balancer with TLS: by the server name. */
export const tcpRoutes = routesOf(
  fc.oneof(fc.record({ match: fc.record({ host: oneOrMore(hostPattern) }), pool })),
);
