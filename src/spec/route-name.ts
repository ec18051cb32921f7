import type { RouteInput, Route, RouteMatch } from './route.ts';

/** Longest name that is made from a match; a number may follow it. */
const MAX_SLUG = 50;

/** A list of what may be one, several or none. */
export function listOf<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** Gives each route without a name one made from what it matches, so that it can be pointed at. */
export function completeRoutes(routes: readonly RouteInput[]): Route[] {
  const taken = new Set(routes.flatMap(({ name }) => (name === undefined ? [] : [name])));
  const next = new Map<string, number>();
  return routes.map(({ name: given, ...route }) => {
    const name = given ?? freeName(nameFromMatch(route.match), taken, next);
    taken.add(name);
    return { name, ...route };
  });
}

function nameFromMatch(match: RouteMatch): string {
  const parts = [
    listOf(match.host)[0],
    match.path ?? match.pathPrefix,
    ...Object.keys(match.header ?? {}),
    ...listOf(match.method).slice(0, 1),
  ];
  const slug = parts
    .filter((part) => part !== undefined)
    .join('-')
    .toLowerCase()
    .replaceAll('*', 'any')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, MAX_SLUG)
    .replace(/-+$/, '');
  return slug === '' ? 'all' : slug;
}

/** The first of `api`, `api-2`, `api-3`, … that is free; `next` remembers how far each has been counted. */
function freeName(wanted: string, taken: ReadonlySet<string>, next: Map<string, number>): string {
  for (let number = next.get(wanted) ?? 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (taken.has(name)) continue;
    next.set(wanted, number + 1);
    return name;
  }
}
