import { createHash } from 'node:crypto';
import type { LoadBalancerSpec } from '../../../spec/load-balancer.ts';
import { memoized } from '../../../base/memo.ts';
import { DEFAULT_POOL } from '../../../spec/pool.ts';
import { type Route, listOf } from '../../../spec/route.ts';

/**
 * Routes turned into tables that a request is looked up in, so that a thousand routes cost as much as one. A route that
 * goes by host and path alone is an entry of the tables. One that also goes by header or method is a rule of its own
 * (a conditional route); its place among the others is kept by a rank.
 */
export interface CompiledRoutes {
  /**
   * Site and path → decision; the longest that a request begins with decides. A site is a host, one with `*` in place of
   * its first label, or any. Behind a whole path stands a question mark, which no path has.
   */
  places: Map<string, string>;
  /** Split and slot → pool. */
  splits: Map<string, string>;
  /** Route → where to. */
  redirects: Map<string, string>;
  /** Those that also go by header or method, in order. */
  conditional: Route[];
}

/** The site of routes that name no host. */
export const ANY_SITE = '*';
/** A split's shares are counted in so many slots. */
export const SPLIT_SLOTS = 1000;
/** Separates the parts of a decision: rank, kind, argument, profile, route, stretch. */
export const SEPARATOR = '|';
/** The rank of what no conditional route comes after. */
const LAST_RANK = 1_000_000;

/** Stands behind a path, in the table and in what is looked up: a request's path ends before the question mark. */
export const PATH_END = '?';

/** Where it stands what becomes of a request that no route is for: no host begins like it. */
export const NO_ROUTE = '?';

/** What becomes of such a request: while the pool at the top is empty, it is told so. */
export function decisionWithoutRoute({ backends }: Pick<LoadBalancerSpec, 'backends'>): string {
  const kind = backends.length > 0 ? 'pool' : 'none';
  return [LAST_RANK, kind, DEFAULT_POOL, '', '', ''].join(SEPARATOR);
}

export const compileRoutes = memoized((routes: readonly Route[]): CompiledRoutes => {
  return {
    places: placeTable(plainRoutes(routes)),
    splits: splitTable(routes),
    redirects: redirectTable(routes),
    conditional: routes.filter(isConditional),
  };
});

/** Whether the route goes by more than host and path. */
export function isConditional(route: Route): boolean {
  const { header = {}, method } = route.match;
  return Object.keys(header).length > 0 || method !== undefined || soleScheme(route) !== undefined;
}

/**
 * The scheme to which a route redirects and nothing else. Requests that have it already are none of its business: they
 * would be sent in a circle.
 */
export function soleScheme({ redirect }: Route): 'http' | 'https' | undefined {
  return redirect && redirect.host === undefined && redirect.path === undefined ? redirect.scheme : undefined;
}

interface PlainRoute {
  route: Route;
  /** How many conditional routes come before it. */
  rank: number;
  /**
   * Plain routes in a row that name the same kind of site make one stretch. A request is looked up in three sites; of
   * what is found there, that of the first stretch decides. Nothing comes before stretch 1.
   */
  stretch: number;
}

function plainRoutes(routes: readonly Route[]): PlainRoute[] {
  let [rank, stretch] = [0, 0];
  let before = '';
  return routes.flatMap((route) => {
    if (isConditional(route)) {
      rank += 1;
      return [];
    }
    const kind = kindOfSites(route);
    // One that names several kinds is a stretch of its own, or two of them could each come first in another site.
    if (kind !== before || kind === 'several') stretch += 1;
    before = kind;
    return [{ route, rank, stretch }];
  });
}

/** What a request can be looked up by: its host, the host with `*` in place of its first label, or no host. */
export type Site = 'exact' | 'wildcard' | 'any';

/** The kinds of sites that plain routes name. */
export const sitesOf = memoized((routes: readonly Route[]): ReadonlySet<Site> => {
  const sites = routes
    .filter((route) => !isConditional(route))
    .flatMap(({ match }): Site[] => {
      const hosts = listOf(match.host);
      return hosts.length === 0
        ? ['any']
        : hosts.map((host) => (host.startsWith('*') ? 'wildcard' : 'exact'));
    });
  return new Set(sites);
});

function kindOfSites({ match }: Route): Site | 'several' {
  const hosts = listOf(match.host);
  const wildcards = hosts.filter((host) => host.startsWith('*')).length;
  if (hosts.length === 0) return 'any';
  if (wildcards === 0) return 'exact';
  return wildcards === hosts.length ? 'wildcard' : 'several';
}

/** What a route does, as the tables and rules hold it. */
export function decisionOf(route: Route, rank = LAST_RANK, stretch = 0): string {
  const [kind, argument] = actionOf(route);
  return [rank, kind, argument, profileOf(route), route.name, stretch].join(SEPARATOR);
}

function actionOf(route: Route): [kind: string, argument: string] {
  if (route.pool !== undefined) return ['pool', route.pool];
  if (route.split) return ['split', route.name];
  if (route.redirect) return ['redirect', route.name];
  return ['respond', respondId(route)];
}

/** Names what else a route does to its requests; routes that do the same share it. Empty where there is nothing. */
export const profileOf = memoized(({ name, rewrite, headers, rateLimit, match }: Route): string => {
  // Each route's limit has counters of its own.
  if (rateLimit) return `route-${name}`;
  if (!rewrite && !headers) return '';
  return digest({
    rewrite,
    headers,
    ...(rewrite?.pathPrefix === undefined ? {} : { from: match.pathPrefix }),
  });
});

export const respondId = memoized(({ respond }: Route): string => digest(respond));

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);
}

function placeTable(plain: readonly PlainRoute[]): Map<string, string> {
  const bySite = new Map<string, PlainRoute[]>();
  for (const each of plain) {
    const hosts = listOf(each.route.match.host);
    for (const site of hosts.length === 0 ? [ANY_SITE] : hosts) {
      const present = bySite.get(site);
      if (present) present.push(each);
      else bySite.set(site, [each]);
    }
  }
  const places = new Map<string, string>();
  for (const [site, list] of bySite) addSite(site, list, places);
  return places;
}

/**
 * Enters the routes of one site. The first that matches decides; a table finds the longest path. Both are the same once
 * what an earlier route hides has been left out.
 */
function addSite(site: string, routes: readonly PlainRoute[], places: Map<string, string>): void {
  const taken = { exact: new Set<string>(), prefixes: new Set<string>() };
  for (const { route, rank, stretch } of routes) {
    const { path } = route.match;
    const prefix = folderOf(route.match.pathPrefix ?? '/');
    const decision = decisionOf(route, rank, stretch);
    if (path !== undefined) {
      if (taken.exact.has(path) || isUnder(`${path}/`, taken.prefixes)) continue;
      taken.exact.add(path);
      places.set(site + path + PATH_END, decision);
      continue;
    }
    if (isUnder(prefix, taken.prefixes)) continue;
    const bare = prefix.slice(0, -1);
    // The folder itself, without the slash behind it, unless an earlier route has it.
    if (bare !== '' && !taken.exact.has(bare)) {
      taken.exact.add(bare);
      places.set(site + bare + PATH_END, decision);
    }
    taken.prefixes.add(prefix);
    places.set(site + prefix, decision);
  }
}

/** `/api` and `/api/` are the same folder, `/api/`. */
export function folderOf(prefix: string): string {
  return prefix.endsWith('/') ? prefix : `${prefix}/`;
}

/** Whether one of the prefixes covers the folder: only those that end at one of its slashes can. */
function isUnder(folder: string, prefixes: ReadonlySet<string>): boolean {
  for (let slash = folder.indexOf('/'); slash >= 0; slash = folder.indexOf('/', slash + 1))
    if (prefixes.has(folder.slice(0, slash + 1))) return true;
  return false;
}

function splitTable(routes: readonly Route[]): Map<string, string> {
  const entries = routes.flatMap(({ name, split }) =>
    split ? slotsOf(split).map((pool, slot) => [`${name}/${slot}`, pool] as const) : [],
  );
  return new Map(entries);
}

/** Deals the slots out by weight; what is left over goes to the largest remainders. */
export function slotsOf(split: NonNullable<Route['split']>): string[] {
  const total = split.reduce((sum, { weight }) => sum + weight, 0);
  const exact = split.map(({ weight }) => (weight / total) * SPLIT_SLOTS);
  const counts = exact.map(Math.floor);
  const byRemainder = exact
    .map((share, index) => ({ index, remainder: share - Math.floor(share) }))
    .toSorted((left, right) => right.remainder - left.remainder);
  const missing = SPLIT_SLOTS - counts.reduce((sum, count) => sum + count, 0);
  for (const { index } of byRemainder.slice(0, missing)) counts[index] = (counts[index] ?? 0) + 1;
  return split.flatMap(({ pool }, index) => Array<string>(counts[index] ?? 0).fill(pool));
}

/** Status, scheme, host and path; what is empty stays as it was in the request. */
function redirectTable(routes: readonly Route[]): Map<string, string> {
  return new Map(
    routes.flatMap(({ name, redirect }) =>
      redirect
        ? [
            [
              name,
              [redirect.status, redirect.scheme ?? '', redirect.host ?? '', redirect.path ?? ''].join(
                SEPARATOR,
              ),
            ] as const,
          ]
        : [],
    ),
  );
}
