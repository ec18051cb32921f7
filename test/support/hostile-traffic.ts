import { jsonPointer } from '../../src/base/pointer.ts';
import { type HostileBody, TEXTS, WRONG_TYPES } from './hostile-values.ts';

type Spec = Record<string, unknown>;
/** A spec around a value, and the path to that value. */
type Frame = (value: unknown) => { spec: Spec; path: (string | number)[] };

const BACKEND = { target: '10.0.0.7:8080' };
const TO_DEFAULT = { match: {}, pool: 'default' };

const http = (spec: Spec): Spec => ({ type: 'http', ...spec });
const tcp = (spec: Spec): Spec => ({ type: 'tcp', port: 5432, ...spec });
const routed = (...routes: unknown[]): Spec => http({ routes });
const backend = (fields: Spec): Spec => http({ backends: [{ ...BACKEND, ...fields }] });

/** Puts a value at a path of an http spec; a number makes a list. */
function at(...path: (string | number)[]): Frame {
  return (value) => {
    const spec = path.reduceRight<unknown>((inner, segment) => {
      if (typeof segment === 'number') return [inner];
      return { ...companionsOf(segment), [segment]: inner };
    }, value) as Spec;
    return { spec: http(spec), path };
  };
}

/** Fields without which the one in question would not be the only fault. */
function companionsOf(segment: string | number): Spec {
  if (segment === 'requests' || segment === 'mode') return {};
  if (['window', 'action', 'key', 'status', 'exempt'].includes(String(segment))) return { requests: 5 };
  if (segment === 'match') return { pool: 'default' };
  if (segment === 'cookieName' || segment === 'sameSite') return { mode: 'cookie' };
  if (['redirect', 'respond', 'name'].includes(String(segment))) return { match: {}, ...actionFor(segment) };
  if (segment === 'rewrite') return TO_DEFAULT;
  return segment === 'tls' ? BACKEND : {};
}

function actionFor(segment: string | number): Spec {
  return segment === 'name' ? { pool: 'default' } : {};
}

/** Fields whose text comes from a closed set of characters, and the texts that happen to be legal there. */
const CLOSED: Record<string, { frame: Frame; legal?: string[] }> = {
  'a route’s name': { frame: at('routes', 0, 'name') },
  'a route’s host': { frame: at('routes', 0, 'match', 'host') },
  'one of a route’s hosts': { frame: at('routes', 0, 'match', 'host', 0) },
  'a route’s method': { frame: at('routes', 0, 'match', 'method') },
  'a redirect’s host': { frame: at('routes', 0, 'redirect', 'host') },
  'a rewrite’s host': { frame: at('routes', 0, 'rewrite', 'host') },
  'a media type': { frame: at('routes', 0, 'respond', 'contentType') },
  'a network to allow': { frame: at('access', 'allow', 0) },
  'a network to exempt': { frame: at('rateLimit', 'exempt', 0) },
  'a network of proxies': { frame: at('proxyProtocol', 'from', 0) },
  'a rate limit’s window': { frame: at('rateLimit', 'window') },
  'a rate limit’s action': { frame: at('rateLimit', 'action') },
  'a timeout': { frame: at('timeouts', 'connect') },
  'a cookie’s name': { frame: at('sticky', 'cookieName'), legal: ['a leading hyphen'] },
  'a cookie’s SameSite': { frame: at('sticky', 'sameSite') },
  'a type to compress': { frame: at('compression', 'types', 0) },
  'a CA': { frame: at('backends', 0, 'tls', 'ca') },
  'a server name': { frame: at('backends', 0, 'tls', 'serverName') },
  'a header to take away': { frame: at('headers', 'request', 'remove', 0) },
};

/** Paths may hold what RFC 3986 lets through. */
const LEGAL_IN_PATHS = [
  'a single quote',
  'a dollar sign',
  'a percent sign',
  'a path upwards',
  'a leading hyphen',
  'an empty text',
];
const PATHS: Record<string, Frame> = {
  'a route’s path': at('routes', 0, 'match', 'path'),
  'a route’s prefix': at('routes', 0, 'match', 'pathPrefix'),
  'a redirect’s path': at('routes', 0, 'redirect', 'path'),
  'a rewrite’s path': at('routes', 0, 'rewrite', 'path'),
};

/** What no line of text holds. */
const NO_LINE = [
  'a line break',
  'a directive behind a line break',
  'a carriage return',
  'NUL',
  'a tab',
  '10 kB',
];

function hostileTexts(): HostileBody[] {
  return Object.entries(TEXTS).flatMap(([what, text]) => [
    ...Object.entries(CLOSED)
      .filter(([, { legal = [] }]) => !legal.includes(what))
      .map(([field, { frame }]) => bodyOf(`${field} with ${what}`, frame(text))),
    ...Object.entries(PATHS)
      .filter(() => !LEGAL_IN_PATHS.includes(what))
      .map(([field, frame]) => bodyOf(`${field} with ${what}`, frame(`/${text}`))),
    ...(NO_LINE.includes(what) ? lines(what, text) : []),
    ...keys(what, text),
  ]);
}

function lines(what: string, text: string): HostileBody[] {
  return [
    bodyOf(`a header’s value with ${what}`, at('headers', 'request', 'set', 'X-A')(text)),
    bodyOf(`a header’s value to match with ${what}`, at('routes', 0, 'match', 'header', 'X-A')(text)),
  ];
}

/** Texts that stand before a colon. */
function keys(what: string, text: string): HostileBody[] {
  return [
    bodyOf(`a pool called ${what}`, { spec: http({ pools: { [text]: {} } }), path: ['pools', text] }),
    bodyOf(`a header called ${what}`, at('headers', 'response', 'set', text)('x')),
    bodyOf(`a header to match called ${what}`, at('routes', 0, 'match', 'header', text)('x')),
    bodyOf(`a limit by the header ${what}`, at('rateLimit', 'key')(`header:${text}`)),
    bodyOf(`the port ${what}`, { spec: { type: 'tcp', ports: [text] }, path: ['ports', 0] }),
  ];
}

const TYPED: Record<string, { frame: Frame; legal?: string[] }> = {
  pools: { frame: at('pools'), legal: ['an object'] },
  'a pool': { frame: at('pools', 'api'), legal: ['an object'] },
  routes: { frame: at('routes'), legal: ['a list'] },
  'a route': { frame: at('routes', 0), legal: ['an object'] },
  'a match': { frame: at('routes', 0, 'match'), legal: ['an object'] },
  'a rate limit': { frame: at('rateLimit'), legal: ['an object'] },
  'a number of requests': { frame: at('rateLimit', 'requests'), legal: ['a number'] },
  'access rules': { frame: at('access'), legal: ['an object'] },
  headers: { frame: at('headers'), legal: ['an object'] },
  timeouts: { frame: at('timeouts'), legal: ['an object'] },
  stickiness: { frame: at('sticky'), legal: ['an object'] },
  maintenance: { frame: at('maintenance'), legal: ['an object'] },
  compression: { frame: at('compression'), legal: ['an object'] },
};

function wrongTypes(): HostileBody[] {
  return Object.entries(TYPED).flatMap(([field, { frame, legal = [] }]) =>
    Object.entries(WRONG_TYPES)
      .filter(([what]) => !legal.includes(what))
      .map(([what, value]) => bodyOf(`${field} that is or are ${what}`, frame(value))),
  );
}

function bodyOf(name: string, { spec, path }: ReturnType<Frame>): HostileBody {
  return { name, body: { name: 'web-lb', spec }, pointer: jsonPointer(['spec', ...path]) };
}

const SEVENTEEN = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`p${index}`, {}]));
const parts = (pools: object) => Object.keys(pools).map((pool) => ({ pool, weight: 1 }));

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

/** What each field may be alone, but not together, and numbers beyond their bounds: spec and pointer. */
function conflicts(): Record<string, [spec: Spec, pointer: string]> {
  return {
    'a pool called default': [http({ pools: { default: {} } }), '/spec/pools/default'],
    'an unknown field of a pool': [http({ pools: { api: { colour: 1 } } }), '/spec/pools/api/colour'],
    'a target twice in a pool': [
      http({ pools: { api: { backends: [BACKEND, BACKEND] } } }),
      '/spec/pools/api/backends/1/target',
    ],
    'a bad target in a pool': [
      http({ pools: { api: { backends: [{ target: 'nope' }] } } }),
      '/spec/pools/api/backends/0/target',
    ],
    'a check of a pool with a timeout beyond its interval': [
      http({ pools: { api: { healthCheck: { interval: '1s', timeout: '2s' } } } }),
      '/spec/pools/api/healthCheck/timeout',
    ],
    'tcp with a cookie in a pool': [
      tcp({ pools: { api: { sticky: { mode: 'cookie' } } } }),
      '/spec/pools/api/sticky/mode',
    ],
    'tcp that hashes requests in a pool': [
      tcp({ pools: { api: { algorithm: 'uri' } } }),
      '/spec/pools/api/algorithm',
    ],
    'tcp that speaks HTTP/2 to its backends': [tcp({ protocol: 'http2' }), '/spec/protocol'],
    'more pools than there may be': [
      http({ pools: Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`p${index}`, {}])) }),
      '/spec/pools',
    ],
    'more backends in all pools than there may be': [
      http({
        algorithm: 'leastconn',
        backends: Array.from({ length: 6000 }, (_, index) => ({ target: `a-${index}.x:80` })),
        pools: {
          api: {
            algorithm: 'leastconn',
            backends: Array.from({ length: 6000 }, (_, index) => ({ target: `b-${index}.x:80` })),
          },
        },
      }),
      '/spec/pools',
    ],
    'more backends than roundrobin carries': [
      http({ backends: Array.from({ length: 4096 }, (_, index) => ({ target: `a-${index}.x:80` })) }),
      '/spec/algorithm',
    ],
    'a slow start of no time': [http({ slowStart: '0s' }), '/spec/slowStart'],
    'an unknown protocol': [http({ protocol: 'http3' }), '/spec/protocol'],
    'a route that does nothing': [routed({ match: {} }), '/spec/routes/0'],
    'a route without a match': [routed({ pool: 'default' }), '/spec/routes/0/match'],
    'a route that does two things': [
      routed({ match: {}, pool: 'default', respond: {} }),
      '/spec/routes/0/respond',
    ],
    'a route to a pool that is not there': [routed({ match: {}, pool: 'api' }), '/spec/routes/0/pool'],
    'a split with a pool that is not there': [
      routed({
        match: {},
        split: [
          { pool: 'default', weight: 1 },
          { pool: 'api', weight: 1 },
        ],
      }),
      '/spec/routes/0/split/1/pool',
    ],
    'a split of one part': [
      routed({ match: {}, split: [{ pool: 'default', weight: 1 }] }),
      '/spec/routes/0/split',
    ],
    'a split of seventeen parts': [
      http({ pools: SEVENTEEN, routes: [{ match: {}, split: parts(SEVENTEEN) }] }),
      '/spec/routes/0/split',
    ],
    'a split without weight': [
      http({
        pools: { api: {} },
        routes: [
          {
            match: {},
            split: [
              { pool: 'default', weight: 0 },
              { pool: 'api', weight: 0 },
            ],
          },
        ],
      }),
      '/spec/routes/0/split',
    ],
    'a split into the same pool twice': [
      routed({
        match: {},
        split: [
          { pool: 'default', weight: 1 },
          { pool: 'default', weight: 2 },
        ],
      }),
      '/spec/routes/0/split/1/pool',
    ],
    'a part of a split without a weight': [
      http({
        pools: { api: {} },
        routes: [{ match: {}, split: [{ pool: 'default', weight: 1 }, { pool: 'api' }] }],
      }),
      '/spec/routes/0/split/1/weight',
    ],
    'a part of a split with weight 1001': [
      http({
        pools: { api: {} },
        routes: [
          {
            match: {},
            split: [
              { pool: 'default', weight: 1001 },
              { pool: 'api', weight: 1 },
            ],
          },
        ],
      }),
      '/spec/routes/0/split/0/weight',
    ],
    'a split with a negative weight': [
      http({
        pools: { api: {} },
        routes: [
          {
            match: {},
            split: [
              { pool: 'default', weight: -1 },
              { pool: 'api', weight: 2 },
            ],
          },
        ],
      }),
      '/spec/routes/0/split/0/weight',
    ],
    'path and prefix': [
      routed({ match: { path: '/a', pathPrefix: '/b' }, pool: 'default' }),
      '/spec/routes/0/match/pathPrefix',
    ],
    'a path with a query': [
      routed({ match: { path: '/a?b=c' }, pool: 'default' }),
      '/spec/routes/0/match/path',
    ],
    'a path without a slash': [
      routed({ match: { path: 'api' }, pool: 'default' }),
      '/spec/routes/0/match/path',
    ],
    'a host with a port': [
      routed({ match: { host: 'a.x:80' }, pool: 'default' }),
      '/spec/routes/0/match/host',
    ],
    'a wildcard inside a host': [
      routed({ match: { host: 'a.*.x' }, pool: 'default' }),
      '/spec/routes/0/match/host',
    ],
    'a wildcard alone': [routed({ match: { host: '*' }, pool: 'default' }), '/spec/routes/0/match/host'],
    'no host at all': [routed({ match: { host: [] }, pool: 'default' }), '/spec/routes/0/match/host'],
    'the same header to match in other letters': [
      routed({ match: { header: { 'X-A': '1', 'x-a': '2' } }, pool: 'default' }),
      '/spec/routes/0/match/header/x-a',
    ],
    'an unknown thing to match': [
      routed({ match: { query: 'a' }, pool: 'default' }),
      '/spec/routes/0/match/query',
    ],
    'two routes of one name': [
      routed({ name: 'a', ...TO_DEFAULT }, { name: 'a', ...TO_DEFAULT }),
      '/spec/routes/1/name',
    ],
    'more routes than there may be': [
      routed(...Array.from({ length: 10_001 }, () => TO_DEFAULT)),
      '/spec/routes',
    ],
    'a redirect to nowhere': [routed({ match: {}, redirect: {} }), '/spec/routes/0/redirect'],
    'a redirect with a status alone': [
      routed({ match: {}, redirect: { status: 301 } }),
      '/spec/routes/0/redirect',
    ],
    'a redirect with status 304': [
      routed({ match: {}, redirect: { path: '/a', status: 304 } }),
      '/spec/routes/0/redirect/status',
    ],
    'a redirect to another scheme': [
      routed({ match: {}, redirect: { scheme: 'javascript' } }),
      '/spec/routes/0/redirect/scheme',
    ],
    'a redirect to a port beyond the last': [
      routed({ match: {}, redirect: { host: 'a.x:65536' } }),
      '/spec/routes/0/redirect/host',
    ],
    'a redirect to an empty label': [
      routed({ match: {}, redirect: { host: 'a..x' } }),
      '/spec/routes/0/redirect/host',
    ],
    'a redirect to a wildcard': [
      routed({ match: {}, redirect: { host: '*.x' } }),
      '/spec/routes/0/redirect/host',
    ],
    'an answer with status 199': [
      routed({ match: {}, respond: { status: 199 } }),
      '/spec/routes/0/respond/status',
    ],
    'an answer with status 600': [
      routed({ match: {}, respond: { status: 600 } }),
      '/spec/routes/0/respond/status',
    ],
    'an answer of 8193 characters': [
      routed({ match: {}, respond: { body: 'a'.repeat(8193) } }),
      '/spec/routes/0/respond/body',
    ],
    'an answer with NUL': [
      routed({ match: {}, respond: { body: 'a\u0000b' } }),
      '/spec/routes/0/respond/body',
    ],
    'an answer with half a character': [
      routed({ match: {}, respond: { body: 'a\ud800b' } }),
      '/spec/routes/0/respond/body',
    ],
    'a rewrite of a redirect': [
      routed({ match: {}, redirect: { path: '/a' }, rewrite: { path: '/b' } }),
      '/spec/routes/0/rewrite',
    ],
    'a rewritten prefix without one to match': [
      routed({ ...TO_DEFAULT, rewrite: { pathPrefix: '/' } }),
      '/spec/routes/0/rewrite/pathPrefix',
    ],
    'a rewritten path and prefix': [
      routed({ match: { pathPrefix: '/a' }, pool: 'default', rewrite: { path: '/', pathPrefix: '/' } }),
      '/spec/routes/0/rewrite/pathPrefix',
    ],
    'a rewritten path with a query': [
      routed({ ...TO_DEFAULT, rewrite: { path: '/a?b' } }),
      '/spec/routes/0/rewrite/path',
    ],
    'a limit of a route without a number': [
      routed({ ...TO_DEFAULT, rateLimit: {} }),
      '/spec/routes/0/rateLimit/requests',
    ],
    'tcp routes without TLS': [
      tcp({ routes: [{ match: { host: 'a.x' }, pool: 'default' }] }),
      '/spec/routes',
    ],
    'a tcp route without a host': [tcp({ tls: {}, routes: [TO_DEFAULT] }), '/spec/routes/0/match/host'],
    'a tcp route by path': [
      tcp({ tls: {}, routes: [{ match: { host: 'a.x', path: '/' }, pool: 'default' }] }),
      '/spec/routes/0/match/path',
    ],
    'a tcp route by method': [
      tcp({ tls: {}, routes: [{ match: { host: 'a.x', method: 'GET' }, pool: 'default' }] }),
      '/spec/routes/0/match/method',
    ],
    'a tcp route that redirects': [
      tcp({ tls: {}, routes: [{ match: { host: 'a.x' }, redirect: { path: '/a' } }] }),
      '/spec/routes/0/redirect',
    ],
    'a tcp route with headers': [
      tcp({ tls: {}, routes: [{ match: { host: 'a.x' }, pool: 'default', headers: {} }] }),
      '/spec/routes/0/headers',
    ],
    'a limit of nothing': [http({ rateLimit: { requests: 0 } }), '/spec/rateLimit/requests'],
    'a limit of half a request': [http({ rateLimit: { requests: 0.5 } }), '/spec/rateLimit/requests'],
    'a limit without a number': [http({ rateLimit: {} }), '/spec/rateLimit/requests'],
    'a limit of too much': [http({ rateLimit: { requests: 1_000_000_001 } }), '/spec/rateLimit/requests'],
    'a window of a millisecond': [
      http({ rateLimit: { requests: 1, window: '1ms' } }),
      '/spec/rateLimit/window',
    ],
    'a window of two days': [http({ rateLimit: { requests: 1, window: '2d' } }), '/spec/rateLimit/window'],
    'a limit that answers 200': [http({ rateLimit: { requests: 1, status: 200 } }), '/spec/rateLimit/status'],
    'a limit by cookie': [http({ rateLimit: { requests: 1, key: 'cookie' } }), '/spec/rateLimit/key'],
    'a tcp limit by path': [tcp({ rateLimit: { requests: 1, key: 'path' } }), '/spec/rateLimit/key'],
    'a tcp limit with a tarpit': [
      tcp({ rateLimit: { requests: 1, action: 'tarpit' } }),
      '/spec/rateLimit/action',
    ],
    'a network with bits beyond its prefix': [
      http({ access: { allow: ['10.0.0.1/8'] } }),
      '/spec/access/allow/0',
    ],
    'a network with a prefix of 33': [http({ access: { deny: ['10.0.0.0/33'] } }), '/spec/access/deny/0'],
    'a network with a prefix of 129': [http({ access: { deny: ['fd00::/129'] } }), '/spec/access/deny/0'],
    'an octal network': [http({ access: { deny: ['010.0.0.0/8'] } }), '/spec/access/deny/0'],
    'a network with a zone': [http({ access: { deny: ['fe80::%eth0/64'] } }), '/spec/access/deny/0'],
    'a network by name': [http({ access: { allow: ['web-1'] } }), '/spec/access/allow/0'],
    'an unknown list of networks': [http({ access: { block: [] } }), '/spec/access/block'],
    'more networks than there may be': [
      http({ access: { deny: Array.from({ length: 10_001 }, () => '10.0.0.0/8') } }),
      '/spec/access/deny',
    ],
    'a header that frames messages': [
      http({ headers: { request: { set: { 'Transfer-Encoding': 'chunked' } } } }),
      '/spec/headers/request/set/Transfer-Encoding',
    ],
    'a length of its own': [
      http({ headers: { response: { add: { 'content-length': '0' } } } }),
      '/spec/headers/response/add/content-length',
    ],
    'the connection taken away': [
      http({ headers: { request: { remove: ['Connection'] } } }),
      '/spec/headers/request/remove/0',
    ],
    'the same header in other letters': [
      http({ headers: { request: { set: { 'X-A': '1', 'x-a': '2' } } } }),
      '/spec/headers/request/set/x-a',
    ],
    'a value with a space before it': [
      http({ headers: { request: { set: { 'X-A': ' a' } } } }),
      '/spec/headers/request/set/X-A',
    ],
    'a value with a space behind it': [
      http({ headers: { request: { set: { 'X-A': 'a ' } } } }),
      '/spec/headers/request/set/X-A',
    ],
    'a value of nothing': [
      http({ headers: { request: { set: { 'X-A': '' } } } }),
      '/spec/headers/request/set/X-A',
    ],
    'a value with half a character': [
      http({ headers: { request: { set: { 'X-A': '\udc00' } } } }),
      '/spec/headers/request/set/X-A',
    ],
    'more headers than there may be': [
      http({
        headers: {
          request: { set: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`X-${index}`, 'a'])) },
        },
      }),
      '/spec/headers/request/set',
    ],
    'tcp with headers': [tcp({ headers: {} }), '/spec/headers'],
    'tcp with compression': [tcp({ compression: {} }), '/spec/compression'],
    'tcp with a timeout for requests': [tcp({ timeouts: { request: '1s' } }), '/spec/timeouts/request'],
    'a timeout of a month': [http({ timeouts: { client: '31d' } }), '/spec/timeouts/client'],
    'an unknown timeout': [http({ timeouts: { read: '1s' } }), '/spec/timeouts/read'],
    'eleven retries': [http({ retries: 11 }), '/spec/retries'],
    'a million and one connections': [http({ maxConnections: 1_000_001 }), '/spec/maxConnections'],
    'stickiness without a mode': [http({ sticky: {} }), '/spec/sticky/mode'],
    'tcp with a cookie': [tcp({ sticky: { mode: 'cookie' } }), '/spec/sticky/mode'],
    'a cookie’s name for addresses': [
      http({ sticky: { mode: 'source-ip', cookieName: 'A' } }),
      '/spec/sticky/cookieName',
    ],
    'a cookie’s attribute for addresses': [
      http({ sticky: { mode: 'source-ip', secure: true } }),
      '/spec/sticky/secure',
    ],
    'SameSite=None without Secure': [
      http({ sticky: { mode: 'cookie', sameSite: 'none', secure: false } }),
      '/spec/sticky/sameSite',
    ],
    'a cookie’s name of 65 characters': [
      http({ sticky: { mode: 'cookie', cookieName: 'a'.repeat(65) } }),
      '/spec/sticky/cookieName',
    ],
    'tcp maintenance with Retry-After': [
      tcp({ maintenance: { retryAfter: '10m' } }),
      '/spec/maintenance/retryAfter',
    ],
    'maintenance with status 200': [http({ maintenance: { status: 200 } }), '/spec/maintenance/status'],
    'maintenance with a body of 9 kB': [
      http({ maintenance: { body: 'a'.repeat(9000) } }),
      '/spec/maintenance/body',
    ],
    'nothing to compress': [http({ compression: { types: [] } }), '/spec/compression/types'],
    'http on several ports': [http({ ports: ['8080'] }), '/spec/ports'],
    'no port at all': [{ type: 'tcp', ports: [] }, '/spec/ports'],
    'ports that overlap': [{ type: 'tcp', ports: ['6000-6010', '6005'] }, '/spec/ports/1'],
    'ports in falling order': [{ type: 'tcp', ports: ['6010-6000'] }, '/spec/ports/0'],
    'ports beyond the last': [{ type: 'tcp', ports: ['65530-65536'] }, '/spec/ports/0'],
    'more ports than there may be': [{ type: 'tcp', ports: ['6000-7000'] }, '/spec/ports'],
    'a port that is port 0': [{ type: 'tcp', ports: [0] }, '/spec/ports/0'],
    'http that lets TLS through': [http({ tls: { mode: 'passthrough' } }), '/spec/tls/mode'],
    'a domain for TLS that goes through': [
      tcp({ tls: { mode: 'passthrough', domain: 'a.example.com' } }),
      '/spec/tls/domain',
    ],
    'PROXY protocol in version 3': [backend({ sendProxy: 'v3' }), '/spec/backends/0/sendProxy'],
    'an empty CA': [backend({ tls: { ca: '' } }), '/spec/backends/0/tls/ca'],
    'a private key behind the CA': [
      backend({ tls: { ca: `${PEM}-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n` } }),
      '/spec/backends/0/tls/ca',
    ],
    'a word before the CA': [backend({ tls: { ca: `ca ${PEM}` } }), '/spec/backends/0/tls/ca'],
    'a CA of 64 kB': [backend({ tls: { ca: PEM.repeat(1500) } }), '/spec/backends/0/tls/ca'],
    'a backend’s check of every millisecond': [
      backend({ healthCheck: { interval: '1ms' } }),
      '/spec/backends/0/healthCheck/interval',
    ],
    'a backend’s check on port 0': [
      backend({ healthCheck: { port: 0 } }),
      '/spec/backends/0/healthCheck/port',
    ],
    'a backend’s check of another kind': [
      backend({ healthCheck: { type: 'tcp' } }),
      '/spec/backends/0/healthCheck/type',
    ],
  };
}

/** Bodies with faults in what is done with traffic, each with the pointer that must be named. */
export function hostileTraffic(): HostileBody[] {
  return [
    ...hostileTexts(),
    ...wrongTypes(),
    ...Object.entries(conflicts()).map(([name, [spec, pointer]]) => ({
      name,
      body: { name: 'web-lb', spec },
      pointer,
    })),
  ];
}
