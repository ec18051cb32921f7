import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CA_CERTIFICATE } from '../../../test/support/ca.ts';
import { createInterning } from '../../../test/support/interned.ts';
import { specOf } from '../../../test/support/service.ts';
import type { ServiceModel } from '../model.ts';
import { planChange } from '../plan.ts';
import { contentFiles } from './files.ts';
import { lookupsOf } from './lookups.ts';
import { renderConfig, renderFrame } from './render.ts';
import { allServers } from './server.ts';

const HEALTH_CHECK = { type: 'tcp', interval: '5s', timeout: '2s' };
const backend = fc.record(
  {
    target: fc.constantFrom('10.0.0.1:80', '[fd00::1]:80', 'web:80', 'gone:80'),
    weight: fc.constantFrom(0, 5),
    tls: fc.constantFrom({}, { ca: CA_CERTIFICATE }, { verify: false }),
    drain: fc.boolean(),
  },
  { requiredKeys: ['target'] },
);
const pool = fc.record(
  {
    healthCheck: fc.constantFrom(HEALTH_CHECK, { ...HEALTH_CHECK, interval: '7s' }),
    backends: fc.uniqueArray(backend, { selector: ({ target }) => target, maxLength: 3 }),
    algorithm: fc.constantFrom('leastconn', 'source', 'first'),
    sticky: fc.constantFrom({ mode: 'source-ip' }, { mode: 'cookie' }),
    failOpen: fc.boolean(),
    slowStart: fc.constant('30s'),
  },
  { requiredKeys: ['healthCheck', 'backends'] },
);
const POOLS = ['a', 'b', 'c'];
const route = fc.record(
  {
    match: fc.constantFrom({ host: 'a.test' }, { host: '*.test' }, { host: 'b.test' }),
    pool: fc.constantFrom('default', 'a'),
    rateLimit: fc.constantFrom({ requests: 5, window: '10s' }, { requests: 6, window: '10s' }),
    headers: fc.constant({ request: { set: { 'X-Long': 'x'.repeat(600) } } }),
  },
  { requiredKeys: ['match', 'pool'] },
);
const routes = fc.array(route, { maxLength: 2 });
/** Few, so that each comes again and again, in other places and among others. */
const choice = fc.record({ pools: fc.tuple(pool, pool), routes: fc.tuple(routes, routes) });
const fields = {
  type: fc.constantFrom<'http' | 'tcp'>('http', 'tcp'),
  top: fc.nat(1),
  pools: fc.record(Object.fromEntries(POOLS.map((name) => [name, fc.nat(1)])), { requiredKeys: ['a'] }),
  routes: fc.nat(1),
  id: fc.constantFrom('lb_01m833pgxtewv9hb4s1e6n3b2k', 'lb_01m833pgxtewv9hb4s1e6n3b2m'),
  directory: fc.constantFrom('/one', '/two'),
  addresses: fc.constantFrom(
    ...['10.0.1.1', '10.0.1.2'].map((web) => new Map([['web', web]])),
    new Map<string, string>(),
  ),
};
const step = fc.record(fields);
/** One thing after another becomes another. */
const steps = fc
  .tuple(
    step,
    fc.array(
      fc.oneof(
        ...Object.entries(fields).map(([name, each]) =>
          (each as fc.Arbitrary<unknown>).map((value) => ({ [name]: value })),
        ),
      ),
      { minLength: 1, maxLength: 7 },
    ),
  )
  .map(([first, changes]) =>
    changes.reduce((list, change) => [...list, { ...(list.at(-1) ?? first), ...change }], [first]),
  );

type Random<T> = T extends fc.Arbitrary<infer V> ? V : never;

/** What only an http load balancer may have is left out of a tcp one. */
function rawSpec(among: Random<typeof choice>, picked: Random<typeof step>): Record<string, unknown> {
  const poolAt = (index: number | undefined) => among.pools[index ?? 0] ?? among.pools[0];
  const [{ type }, top, routes] = [picked, poolAt(picked.top), among.routes[picked.routes] ?? []];
  const pools = Object.fromEntries(
    Object.entries(picked.pools).map(([name, index]) => [name, poolAt(index)]),
  );
  if (type === 'http') return { type, ...top, pools, routes: named(routes) };
  const withoutCookie = ({ sticky, ...rest }: Random<typeof pool>) =>
    sticky?.mode === 'source-ip' ? { ...rest, sticky } : rest;
  return {
    type,
    port: 5000,
    tls: { mode: 'passthrough' },
    ...withoutCookie(top),
    pools: Object.fromEntries(Object.entries(pools).map(([name, each]) => [name, withoutCookie(each)])),
    routes: named(routes.map(({ match, pool: to }) => ({ match, pool: to }))),
  };
}

function named(routes: readonly object[]): object[] {
  return routes.map((each, index) => ({ name: `route-${index}`, ...each }));
}

const LAYOUT = { socketDirectory: '/run', lowPortOffset: 0, ipv6: true };

function modelOf(among: Random<typeof choice>, at: Random<typeof step>): ServiceModel {
  return {
    id: at.id,
    name: 'web-lb',
    spec: specOf(rawSpec(among, at)),
    address: '127.80.0.1',
    layout: { ...LAYOUT, directory: at.directory },
    addresses: at.addresses,
    certificates: [],
  };
}

/** All that is made of a model. */
function allOf(model: ServiceModel): unknown {
  return {
    frame: renderFrame(model).hash,
    config: renderConfig(model),
    servers: allServers(model),
    lookups: lookupsOf(model).map(({ kind, path, entries, subject }) => [kind, path, subject, [...entries]]),
    files: contentFiles(model),
  };
}

it('what is kept of the parts of models is what would be made of them now', () => {
  fc.assert(
    fc.property(choice, steps, (among, list) => {
      const intern = createInterning();
      let before: ServiceModel | undefined;
      for (const at of list) {
        const fresh = modelOf(among, at);
        const model = { ...fresh, spec: intern(fresh.spec) };
        const all = allOf(model);
        // Of this load balancer, another one was the last.
        renderFrame({ ...fresh, spec: specOf({ type: 'http' }) });
        expect(all).toEqual(allOf(fresh));
        renderFrame(model);
        const plan = planChange(structuredClone(before), structuredClone(fresh));
        expect(planChange(before, model)).toEqual(plan);
        before = model;
      }
    }),
    { numRuns: 200 },
  );
});
