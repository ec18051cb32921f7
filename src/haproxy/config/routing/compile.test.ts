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
import { ANY_SITE, type CompiledRoutes, compileRoutes, folderOf, slotsOf } from './compile.ts';

/** The lookups as the rules in the frontend make them. */
function lookUp(tables: CompiledRoutes, request: TestRequest): string | undefined {
  const { sites, exact, prefixes, conditional } = tables;
  const site = sites.get(request.host) ?? sites.get(request.host.replace(/^[^.]*/, '*')) ?? ANY_SITE;
  const place = site + request.path;
  const decision = exact.get(place) ?? longestPrefix(prefixes, place);
  const [rank = '1000000'] = decision?.split('|') ?? [];
  const chosen = conditional.find((route, index) => Number(rank) > index && routeMatches(route, request));
  return chosen?.name ?? decision?.split('|')[4];
}

function longestPrefix(prefixes: ReadonlyMap<string, string>, place: string): string | undefined {
  for (let length = place.length; length > 0; length--) {
    const found = prefixes.get(place.slice(0, length));
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

  it('hold a thousand hosts without growing for each of the others', () => {
    const routes = Array.from({ length: 1000 }, (_, index): Route => ({
      name: `r${index}`,
      match: { host: `h${index}.test` },
      pool: 'default',
    }));
    const { exact, prefixes } = compileRoutes(routes);
    expect(exact.size + prefixes.size).toBe(1000);
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
