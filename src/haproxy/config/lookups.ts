import { memoized } from '../../base/memo.ts';
import type { Backend } from '../../spec/backend.ts';
import { DEFAULT_POOL } from '../../spec/pool.ts';
import { type LoadBalancerSpec, poolsOf } from '../../spec/load-balancer.ts';
import type { StepAction } from '../../spec/plan.ts';
import type { ServiceModel } from '../model.ts';
import { certifiedHosts } from './certificates.ts';
import { ANY_REDIRECT, THUMBPRINT_KEY, challengedHosts } from './challenge.ts';
import { MAINTENANCE_SWITCH, lookupPaths } from './lookup-paths.ts';
import { limitVariable, limitsOf } from './rate-limit.ts';
import { NO_ROUTE, compileRoutes, decisionWithoutRoute } from './routing/compile.ts';
import { cookieOf } from './sticky.ts';
import { type Route, listOf } from '../../spec/route.ts';

/**
 * What requests are looked up in: a map (key and value) or a list (keys alone). HAProxy reads them from files when it
 * starts, and the runtime API changes them: what a user may change without a reload stands here.
 */
export interface Lookup {
  kind: 'map' | 'list';
  path: string;
  /** Key → value; the values of a list are empty. */
  entries: ReadonlyMap<string, string>;
  /** What a change of it is called in a plan; undefined where it only follows another step. */
  action?: StepAction;
  /** What it is about, in words. */
  subject: string;
  /** The variable of the process in which rules find the value of a key, a number. */
  variableOf?: (key: string) => string;
}

const EVERYONE = ['0.0.0.0/0', '::/0'];

/** All lookups of a load balancer, as they should be. */
export const lookupsOf = memoized((model: ServiceModel): readonly Lookup[] => [
  ...accessLookups(model),
  ...limitLookups(model),
  ...maintenanceLookups(model),
  ...(model.spec.type === 'http' ? [...tlsLookups(model), ...routeLookups(model)] : serverNameLookups(model)),
  ...cookieLookups(model),
]);

function accessLookups(model: ServiceModel): Lookup[] {
  const paths = lookupPaths(model);
  const { access, proxyProtocol } = model.spec;
  const allow = access?.allow ?? [];
  const proxies = proxyProtocol?.from ?? [];
  return [
    // An empty list of those who may come in would let nobody in.
    list(paths.allow, allow.length > 0 ? allow : EVERYONE, 'set-access', 'who may come in'),
    list(paths.deny, access?.deny ?? [], 'set-access', 'who may not come in'),
    ...(proxyProtocol
      ? [
          list(
            paths.proxies,
            proxies.length > 0 ? proxies : EVERYONE,
            'set-proxy-protocol',
            'whose connections begin with a PROXY protocol header',
          ),
        ]
      : []),
  ];
}

function limitLookups(model: ServiceModel): Lookup[] {
  const paths = lookupPaths(model);
  const limits = limitsOf(model);
  if (limits.length === 0) return [];
  return [
    {
      ...map(
        paths.limits,
        new Map(limits.map(({ name, limit }) => [name, String(limit.requests)])),
        'set-rate-limit',
        'how many requests are let through',
      ),
      variableOf: limitVariable,
    },
    ...limits.map(({ name, limit }) =>
      list(paths.limitExempt(name), limit.exempt, 'set-rate-limit', `who is exempt from the limit ${name}`),
    ),
  ];
}

function maintenanceLookups(model: ServiceModel): Lookup[] {
  const { maintenance } = model.spec;
  if (!maintenance) return [];
  const paths = lookupPaths(model);
  return [
    list(
      paths.switches,
      maintenance.enabled ? [MAINTENANCE_SWITCH] : [],
      'set-maintenance',
      `maintenance, which is ${maintenance.enabled ? 'on' : 'off'}`,
    ),
    list(paths.maintenanceExempt, maintenance.exempt, 'set-maintenance', 'who is served during maintenance'),
  ];
}

/** What changes when domains and certificates come and go, on every load balancer that speaks HTTP. */
function tlsLookups(model: ServiceModel): Lookup[] {
  const paths = lookupPaths(model);
  const { tls } = model.spec;
  const { thumbprint } = model;
  const certified = certifiedHosts(model);
  return [
    map(
      paths.challenges,
      new Map(thumbprint === undefined ? [] : [[THUMBPRINT_KEY, thumbprint]]),
      undefined,
      'the account for which challenges are answered',
    ),
    list(
      paths.challengeHosts,
      challengedHosts(model),
      'set-challenge',
      'for which hosts challenges of CAs are answered',
    ),
    list(
      paths.redirectedHosts,
      tls?.redirect && certified.length > 0 ? [ANY_REDIRECT, ...certified] : [],
      'set-redirect',
      'which hosts are sent from plain HTTP to HTTPS',
    ),
    ...(tls?.hsts ? [list(paths.certifiedHosts, certified, undefined, 'hosts with a real certificate')] : []),
  ];
}

function routeLookups(model: ServiceModel): Lookup[] {
  const { routes } = model.spec;
  if (routes.length === 0) return [];
  const paths = lookupPaths(model);
  const { splits, redirects } = compileRoutes(routes);
  return [
    map(paths.routes, routeEntries(model.spec), 'set-routes', 'routes by host and path'),
    // HAProxy knows only the maps that a rule names.
    ...(splits.size > 0 ? [map(paths.splits, splits, 'set-routes', 'shares of splits')] : []),
    ...(redirects.size > 0 ? [map(paths.redirects, redirects, 'set-routes', 'redirects')] : []),
  ];
}

const entriesOfRoutes = new WeakMap<readonly Route[], { without: string; entries: Lookup['entries'] }>();

/** Where requests go by host and path; the very same as long as the routes are. */
function routeEntries(spec: LoadBalancerSpec): Lookup['entries'] {
  const without = decisionWithoutRoute(spec);
  const known = entriesOfRoutes.get(spec.routes);
  if (known?.without === without) return known.entries;
  const entries = new Map(compileRoutes(spec.routes).places).set(NO_ROUTE, without);
  entriesOfRoutes.set(spec.routes, { without, entries });
  return entries;
}

/** tcp: server name → pool. The first route that names a host decides. */
function serverNameLookups(model: ServiceModel): Lookup[] {
  const { routes } = model.spec;
  if (routes.length === 0) return [];
  return [map(lookupPaths(model).serverNames, serverNames(routes), 'set-routes', 'pools by server name')];
}

const serverNames = memoized((routes: readonly Route[]): Lookup['entries'] => {
  const entries = new Map<string, string>();
  for (const { match, pool } of routes)
    for (const host of listOf(match.host)) if (!entries.has(host)) entries.set(host, pool ?? DEFAULT_POOL);
  return entries;
});

function cookieLookups(model: ServiceModel): Lookup[] {
  const paths = lookupPaths(model);
  return poolsOf(model.spec).flatMap(([name, pool]) => {
    if (pool.sticky?.mode !== 'cookie') return [];
    const { toServer, toCookie } = knownCookies(model, name, pool.backends);
    return [
      map(paths.cookieToServer(name), toServer, undefined, `cookies of pool ${name}`),
      map(paths.serverToCookie(name), toCookie, undefined, `cookies of pool ${name}`),
    ];
  });
}

interface Cookies {
  toServer: Lookup['entries'];
  toCookie: Lookup['entries'];
}

const cookiesOfLists = new WeakMap<readonly Backend[], Cookies & { id: string; pool: string }>();

/** The cookies of a pool; the very same as long as its backends are: each is a hash. */
function knownCookies({ id }: ServiceModel, pool: string, backends: readonly Backend[]): Cookies {
  const known = cookiesOfLists.get(backends);
  if (known?.id === id && known.pool === pool) return known;
  const pairs = backends.map(({ target }) => [cookieOf({ id }, pool, target), serverName(target)] as const);
  const cookies = {
    toServer: new Map(pairs),
    toCookie: new Map(pairs.map(([cookie, server]) => [server, cookie])),
  };
  cookiesOfLists.set(backends, { ...cookies, id, pool });
  return cookies;
}

function serverName(target: string): string {
  return target.replaceAll(/[[\]]/g, '');
}

function map(
  path: string,
  entries: Lookup['entries'],
  action: StepAction | undefined,
  subject: string,
): Lookup {
  return { kind: 'map', path, entries, subject, ...(action ? { action } : {}) };
}

function list(
  path: string,
  keys: readonly string[],
  action: StepAction | undefined,
  subject: string,
): Lookup {
  const entries = new Map(keys.map((key) => [key, '']));
  return { kind: 'list', path, entries, subject, ...(action ? { action } : {}) };
}

/** The file as HAProxy reads it. */
export function writeLookup({ kind, entries }: Lookup): string {
  return [...entries].map(([key, value]) => (kind === 'map' ? `${key} ${value}\n` : `${key}\n`)).join('');
}

/** One difference between two states of a lookup. */
export type LookupChange =
  | { kind: 'add' | 'set'; lookup: Lookup; key: string; value: string }
  | { kind: 'delete'; lookup: Lookup; key: string };

/** What brings a lookup from one state to another; additions come first, so that nothing is missing in between. */
export function lookupChanges(before: ReadonlyMap<string, string>, after: Lookup): LookupChange[] {
  if (before === after.entries) return [];
  const changes: LookupChange[] = [];
  for (const [key, value] of after.entries) {
    const present = before.get(key);
    if (present === undefined) changes.push({ kind: 'add', lookup: after, key, value });
    else if (present !== value) changes.push({ kind: 'set', lookup: after, key, value });
  }
  for (const key of before.keys())
    if (!after.entries.has(key)) changes.push({ kind: 'delete', lookup: after, key });
  return changes;
}
