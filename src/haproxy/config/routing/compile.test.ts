import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type TestRequest,
  firstMatch,
  requests,
  routeMatches,
  routesFrom,
} from '../../../../test/support/route-model.ts';
import type { Route } from '../../../spec/route.ts';
import { ANY_SITE, type CompiledRoutes, PATH_END, compileRoutes, folderOf, slotsOf } from './compile.ts';

/** The lookups as the rules in the frontend make them. */
function lookUp({ places, conditional }: CompiledRoutes, request: TestRequest): string | undefined {
  const sites = [request.host, request.host.replace(/^[^.]*/, '*'), ANY_SITE];
  const found = sites
    .map((site) => longestPrefix(places, site + request.path + PATH_END))
    .flatMap((decision) => (decision === undefined ? [] : [decision.split('|')]));
  const [first] = found.toSorted(([, , , , , one], [, , , , , two]) => Number(one) - Number(two));
  const rank = Number(first?.[0] ?? 1_000_000);
  const chosen = conditional.find((route, index) => rank > index && routeMatches(route, request));
  return chosen?.name ?? first?.[4];
}

function longestPrefix(places: ReadonlyMap<string, string>, place: string): string | undefined {
  for (let length = place.length; length > 0; length--) {
    const found = places.get(place.slice(0, length));
    if (found !== undefined) return found;
  }
  return undefined;
}

describe('routes turned into tables', () => {
  it('decide as the first route that matches does', () => {
    fc.assert(
      fc.property(routesFrom, fc.array(requests, { minLength: 1, maxLength: 20 }), (routes, list) => {
        const tables = compileRoutes(routes);
        for (const request of list) expect(lookUp(tables, request)).toBe(firstMatch(routes, request)?.name);
      }),
      { numRuns: 5000 },
    );
  });

  it('grow with the routes, not with what hosts and routes for any host make together', () => {
    const routes = Array.from({ length: 4000 }, (_, index): Route => {
      const hosts = [{ host: `h${index}.test` }, { host: `*.test`, path: `/p${index}` }];
      const match = [...hosts, { path: `/p${index}` }, { path: `/q${index}` }][index % 4] ?? {};
      return { name: `r${index}`, match, pool: 'default' };
    });
    expect(compileRoutes(routes).places.size).toBe(4000);
  });
});

describe('the slots of a split', () => {
  it('are all dealt out, to each part within one of its share', () => {
    const weights = fc
      .array(fc.integer({ min: 0, max: 1000 }), { minLength: 2, maxLength: 16 })
      .filter((list) => list.some((weight) => weight > 0));
    fc.assert(
      fc.property(weights, (list) => {
        const split = list.map((weight, index) => ({ pool: `p${index}`, weight }));
        const slots = slotsOf(split);
        const total = list.reduce((sum, weight) => sum + weight, 0);
        expect(slots.length).toBe(1000);
        for (const { pool, weight } of split) {
          const count = slots.filter((slot) => slot === pool).length;
          expect(Math.abs(count - (weight / total) * 1000)).toBeLessThan(1);
          if (weight === 0) expect(count).toBe(0);
        }
      }),
    );
  });
});

describe('a prefix', () => {
  it('is a folder with and without the slash behind it', () => {
    expect(folderOf('/api')).toBe('/api/');
    expect(folderOf('/api/')).toBe('/api/');
    expect(folderOf('/')).toBe('/');
  });
});
