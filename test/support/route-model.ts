import fc from 'fast-check';
import { type Route, listOf } from '../../src/spec/route.ts';
import { completeRoutes } from '../../src/spec/route-name.ts';

/** What a route goes by of a request; host and header names in small letters. */
export interface TestRequest {
  host: string;
  path: string;
  method: string;
  headers: Record<string, string>;
}

/** What the spec says of routes, one after another: what tables and rules must come to as well. */
export function firstMatch(routes: readonly Route[], request: TestRequest): Route | undefined {
  return routes.find((route) => routeMatches(route, request));
}

export function routeMatches({ match }: Route, { host, path, method, headers }: TestRequest): boolean {
  const hosts = listOf(match.host);
  const methods = listOf(match.method);
  return (
    (hosts.length === 0 || hosts.some((pattern) => hostMatches(pattern, host))) &&
    (methods.length === 0 || methods.includes(method)) &&
    (match.path === undefined || match.path === path) &&
    (match.pathPrefix === undefined || isUnder(path, match.pathPrefix)) &&
    Object.entries(match.header ?? {}).every(([name, value]) => {
      const sent = headers[name.toLowerCase()];
      return sent !== undefined && (value === '*' || value === sent);
    })
  );
}

function hostMatches(pattern: string, host: string): boolean {
  return pattern.startsWith('*') ? host.replace(/^[^.]*/, '*') === pattern : pattern === host;
}

function isUnder(path: string, prefix: string): boolean {
  const folder = prefix.endsWith('/') ? prefix : `${prefix}/`;
  return `${path}/`.startsWith(folder);
}

/** So few words that routes and requests often meet. */
const HOSTS = ['a.test', 'b.test', 'x.a.test', 'y.a.test', 'x.y.a.test', 'test'];
const SEGMENTS = ['a', 'b', 'ab', '', '%2F', '.'];
const VALUES = ['one', 'two', "it's {}"];

const pattern = fc.constantFrom(...HOSTS, '*.a.test', '*.test', '*.y.a.test');
const path = fc
  .array(fc.constantFrom(...SEGMENTS), { minLength: 1, maxLength: 4 })
  .map((parts) => `/${parts.join('/')}`);
const method = fc.constantFrom('GET', 'POST', 'DELETE');
const plain = fc.oneof(
  fc.record({ host: fc.oneof(pattern, fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 })) }),
  fc.record({ pathPrefix: path }),
  fc.record({ path }),
  fc.record({ host: pattern, pathPrefix: path }),
  fc.record({ host: pattern, path }),
);
const conditional = fc.tuple(
  plain,
  fc.oneof(
    fc.record({ method: fc.oneof(method, fc.uniqueArray(method, { minLength: 1, maxLength: 2 })) }),
    fc.record({ header: fc.record({ 'X-One': fc.constantFrom(...VALUES, '*') }) }),
    fc.record({
      method,
      header: fc.record({ 'X-One': fc.constantFrom(...VALUES), 'X-Two': fc.constant('*') }),
    }),
  ),
);
const match = fc.oneof(
  { weight: 3, arbitrary: plain },
  { weight: 1, arbitrary: conditional.map(([one, two]) => ({ ...one, ...two })) },
  { weight: 1, arbitrary: fc.constant({}) },
);

/** Routes that get in each other's way. */
export const routesFrom: fc.Arbitrary<Route[]> = fc
  .array(match, { minLength: 1, maxLength: 12 })
  .map((list) => completeRoutes(list.map((each) => ({ match: each, pool: 'default' }))));

export const requests: fc.Arbitrary<TestRequest> = fc.record({
  host: fc.constantFrom(...HOSTS),
  path,
  method,
  headers: fc.record(
    { 'x-one': fc.constantFrom(...VALUES), 'x-two': fc.constant('any') },
    { requiredKeys: [] },
  ),
});
