import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import { AppError } from '../../../../base/errors.ts';
import type { Route, RouteMatch } from '../../../../spec/route.ts';
import type { LoadBalancerPatch } from '../../../change-spec.ts';
import { usageError } from '../../../failure.ts';
import { suggest } from '../../../suggest.ts';

/** The route of that name, or the error that says which there are. */
export function requireRoute({ name, spec }: LoadBalancer, route: string): Route {
  const found = spec.routes.find((each) => each.name === route);
  if (found) return found;
  const near = suggest(
    route,
    spec.routes.map((each) => each.name),
  );
  throw new AppError('not_found', `${name} has no route ${route}`, {
    hint: near === undefined ? `agentmetal lb route list ${name}` : `Did you mean: ${near}`,
  });
}

/** The patch that sets fields of one route; undefined takes a field away. */
export function changeRoute(before: LoadBalancer, route: string, fields: Partial<Route>): LoadBalancerPatch {
  requireRoute(before, route);
  const routes = before.spec.routes.map((each) => (each.name === route ? { ...each, ...fields } : each));
  return { spec: { routes } };
}

/** Where a route is to stand among the others. */
export interface Position {
  before?: string | undefined;
  after?: string | undefined;
  first?: boolean;
  last?: boolean;
}

/** Refuses two places at once; `undefined` when none is given. */
export function readPosition({ before, after, first, last }: Position): Position | undefined {
  const given = [before, after, first || undefined, last || undefined].filter((each) => each !== undefined);
  if (given.length > 1) throw usageError('give one place: --before, --after, --first or --last');
  return given.length === 0 ? undefined : { before, after, first: first ?? false, last: last ?? false };
}

/** The routes with one put where it belongs; without a place it is the last. */
export function placeRoute(lb: LoadBalancer, route: Route, position: Position = {}): Route[] {
  const others = lb.spec.routes.filter(({ name }) => name !== route.name);
  const { before, after, first } = position;
  for (const other of [before, after]) {
    if (other === undefined) continue;
    if (other === route.name) throw usageError(`a route cannot stand next to itself: ${other}`);
    requireRoute(lb, other);
  }
  if (first) return [route, ...others];
  const neighbour = others.findIndex(({ name }) => name === (before ?? after));
  if (neighbour < 0) return [...others, route];
  return others.toSpliced(before === undefined ? neighbour + 1 : neighbour, 0, route);
}

/** The route before another one that takes all of its requests, so that none is left. */
export function routeThatHides(routes: readonly Route[], name: string): Route | undefined {
  const index = routes.findIndex((route) => route.name === name);
  const hidden = routes[index];
  return (
    hidden && routes.slice(0, index).find((route) => !goesOn(route) && takesAll(route.match, hidden.match))
  );
}

/** A redirect to the other scheme alone lets requests go on that have it. */
function goesOn({ redirect }: Route): boolean {
  return redirect?.scheme !== undefined && redirect.host === undefined && redirect.path === undefined;
}

/** Whether a match is met by every request that meets another. */
function takesAll(wide: RouteMatch, narrow: RouteMatch): boolean {
  const { path = narrow.pathPrefix } = narrow;
  return (
    holdsAll(wide.host, narrow.host) &&
    holdsAll(wide.method, narrow.method) &&
    (wide.path === undefined || wide.path === narrow.path) &&
    (wide.pathPrefix === undefined || (path !== undefined && isBelow(path, wide.pathPrefix))) &&
    Object.entries(wide.header ?? {}).every(([header, value]) => {
      const own = Object.entries(narrow.header ?? {}).find(
        ([other]) => other.toLowerCase() === header.toLowerCase(),
      )?.[1];
      return own !== undefined && (value === '*' || value === own);
    })
  );
}

function holdsAll(wide: string | string[] | undefined, narrow: string | string[] | undefined): boolean {
  if (wide === undefined) return true;
  const known = new Set([wide].flat());
  return narrow !== undefined && [narrow].flat().every((each) => known.has(each));
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}
