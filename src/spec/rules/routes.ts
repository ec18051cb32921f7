import type { FieldError } from '../../base/errors.ts';
import { jsonPointer } from '../../base/pointer.ts';
import { DEFAULT_POOL } from '../pool.ts';
import { MAX_PARTS, MAX_ROUTES, ROUTE_ACTIONS } from '../route.ts';
import { array, fault, record } from './raw.ts';

/** What a route of a tcp load balancer can neither see nor do. */
const HTTP_MATCHES = ['path', 'pathPrefix', 'header', 'method'];
const HTTP_PARTS = ['split', 'redirect', 'respond', 'rewrite', 'headers', 'rateLimit'];

/** What must hold in each route and between routes and pools. */
export function routeErrors(spec: Record<string, unknown>): FieldError[] {
  const routes = array(spec['routes']);
  // With routes and pools as before, what was right is right.
  const around = `${String(spec['type'])} ${spec['tls'] === undefined} ${Object.keys(record(spec['pools'])).join(' ')}`;
  if (right.get(routes) === around) return [];
  const errors = allRouteErrors(spec);
  if (errors.length === 0) right.set(routes, around);
  return errors;
}

/** Routes in which nothing was wrong, and next to what. */
const right = new WeakMap<object, string>();

function allRouteErrors(spec: Record<string, unknown>): FieldError[] {
  const pools = new Set([DEFAULT_POOL, ...Object.keys(record(spec['pools']))]);
  const routes = array(spec['routes']).slice(0, MAX_ROUTES);
  const isTcp = spec['type'] === 'tcp';
  const errors: FieldError[] = [];
  if (isTcp && routes.length > 0 && spec['tls'] === undefined)
    errors.push(
      fault(
        '/spec/routes',
        'conflict',
        'need tls in a tcp load balancer: they choose by the server name (SNI) of TLS clients',
      ),
    );
  const names = new Map<unknown, number>();
  for (const [index, raw] of routes.entries()) {
    const route = record(raw);
    const at = (...path: (string | number)[]) => jsonPointer(['spec', 'routes', index, ...path]);
    errors.push(
      ...actionErrors(route, at),
      ...matchErrors(route, at),
      ...poolReferenceErrors(route, at, pools),
      ...(isTcp ? tcpErrors(route, at) : []),
    );
    const name = route['name'];
    if (name === undefined) continue;
    if (names.has(name))
      errors.push(fault(at('name'), 'duplicate', `routes[${names.get(name) ?? 0}] has that name already`));
    else names.set(name, index);
  }
  return errors;
}

type At = (...path: (string | number)[]) => string;

function actionErrors(route: Record<string, unknown>, at: At): FieldError[] {
  const given = ROUTE_ACTIONS.filter((action) => route[action] !== undefined);
  const choice = 'give exactly one of pool, split, redirect and respond';
  if (given.length === 0) return [fault(at(), 'required', choice)];
  if (given.length > 1) return given.slice(1).map((action) => fault(at(action), 'conflict', choice));
  return [...splitErrors(route, at), ...redirectErrors(route, at)];
}

/** A redirect to the very place that was asked for would never end. */
function redirectErrors(route: Record<string, unknown>, at: At): FieldError[] {
  if (route['redirect'] === undefined) return [];
  const redirect = record(route['redirect']);
  const names = ['scheme', 'host', 'path'].some((field) => redirect[field] !== undefined);
  return names ? [] : [fault(at('redirect'), 'required', 'name a scheme, a host or a path to redirect to')];
}

function splitErrors(route: Record<string, unknown>, at: At): FieldError[] {
  const parts = array(route['split']).slice(0, MAX_PARTS).map(record);
  const total = parts.reduce((sum, { weight }) => sum + (typeof weight === 'number' ? weight : 1), 0);
  if (parts.length > 0 && total === 0)
    return [fault(at('split'), 'conflict', 'some part must have a weight above 0')];
  const names = parts.map(({ pool }) => pool);
  return names.flatMap((name, index) =>
    name !== undefined && names.indexOf(name) < index
      ? [fault(at('split', index, 'pool'), 'duplicate', 'is named twice')]
      : [],
  );
}

function matchErrors(route: Record<string, unknown>, at: At): FieldError[] {
  const match = record(route['match']);
  const rewrite = record(route['rewrite']);
  const errors: FieldError[] = [];
  if (match['path'] !== undefined && match['pathPrefix'] !== undefined)
    errors.push(fault(at('match', 'pathPrefix'), 'conflict', 'give either path or pathPrefix'));
  if (rewrite['path'] !== undefined && rewrite['pathPrefix'] !== undefined)
    errors.push(fault(at('rewrite', 'pathPrefix'), 'conflict', 'give either path or pathPrefix'));
  if (rewrite['pathPrefix'] !== undefined && match['pathPrefix'] === undefined)
    errors.push(
      fault(at('rewrite', 'pathPrefix'), 'conflict', 'needs match.pathPrefix, in whose place it goes'),
    );
  const reachesBackend = route['pool'] !== undefined || route['split'] !== undefined;
  if (route['rewrite'] !== undefined && !reachesBackend)
    errors.push(fault(at('rewrite'), 'conflict', 'needs a pool or a split: nothing else reaches a backend'));
  return errors;
}

function poolReferenceErrors(
  route: Record<string, unknown>,
  at: At,
  pools: ReadonlySet<string>,
): FieldError[] {
  const references = [
    { path: ['pool'], name: route['pool'] },
    ...array(route['split'])
      .slice(0, MAX_PARTS)
      .map((part, index) => ({ path: ['split', index, 'pool'], name: record(part)['pool'] })),
  ];
  return references.flatMap(({ path, name }) =>
    typeof name === 'string' && !pools.has(name)
      ? [fault(at(...path), 'unknown_pool', `there is no pool ${JSON.stringify(name.slice(0, 63))}`)]
      : [],
  );
}

function tcpErrors(route: Record<string, unknown>, at: At): FieldError[] {
  const match = record(route['match']);
  const detail = 'needs an http load balancer: a tcp one does not read requests';
  const faults = [
    ...HTTP_MATCHES.filter((field) => match[field] !== undefined).map((field) => at('match', field)),
    ...HTTP_PARTS.filter((field) => route[field] !== undefined).map((field) => at(field)),
  ].map((pointer) => fault(pointer, 'conflict', detail));
  const hasHost = match['host'] !== undefined;
  return hasHost ? faults : [...faults, fault(at('match', 'host'), 'required', 'tcp routes go by it')];
}
