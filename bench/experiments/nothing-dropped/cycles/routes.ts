import type { LoadBalancerSpec } from '../../../../src/spec/load-balancer.ts';
import { type Cycle, type Look, type Surroundings, patch } from '../kinds.ts';
import { answered, appears, disappears } from '../looks.ts';

type Routes = LoadBalancerSpec['routes'];
interface Named {
  name: string;
}

/** Every kind of route: each is put in, changed and taken out again. */
export function routeCycles(surroundings: Surroundings): Cycle[] {
  const changes = changesOf(surroundings);
  return [
    splitCycle(surroundings, changes),
    redirectCycle(surroundings, changes),
    respondCycle(surroundings, changes),
    conditionalCycle(surroundings, changes),
    hostCycle(surroundings, changes),
    moveCycle(surroundings, changes),
    rewriteCycle(surroundings, changes),
    headerCycle(surroundings, changes),
    limitCycle(surroundings, changes),
  ];
}

function changesOf({ web }: Surroundings) {
  const routes = (kind: string, change: (routes: Routes) => readonly object[], look?: () => Look) =>
    patch(kind, web, (spec) => ({ routes: change(spec.routes) }), look);
  return {
    add: (kind: string, route: Named, look?: () => Look) => routes(kind, (list) => [...list, route], look),
    replace: (kind: string, route: Named, look?: () => Look) =>
      routes(kind, (list) => list.map((each) => (each.name === route.name ? route : each)), look),
    remove: (kind: string, { name }: Named, look?: () => Look) =>
      routes(kind, (list) => list.filter((each) => each.name !== name), look),
    reorder: (kind: string, change: (routes: Routes) => Routes, look?: () => Look) =>
      routes(kind, change, look),
  };
}
type Changes = ReturnType<typeof changesOf>;

function splitCycle({ web, origin }: Surroundings, { replace }: Changes): Cycle {
  const split = (blue: number, green: number) => ({
    name: 'split',
    match: { pathPrefix: '/split' },
    split: [
      { pool: 'blue', weight: blue },
      { pool: 'green', weight: green },
    ],
  });
  const [blue = '', green = ''] = origin.plain.slice(5);
  const kind = 'route split weights';
  return [
    replace(kind, split(100, 0), disappears(web, '/split', [green])),
    replace(kind, split(30, 70), appears(web, '/split', green)),
    replace(kind, split(0, 100), disappears(web, '/split', [blue])),
    replace(kind, split(50, 50), appears(web, '/split', blue)),
  ];
}

function redirectCycle({ web }: Surroundings, { add, replace, remove }: Changes): Cycle {
  const route = (redirect: object) => ({ name: 'old', match: { path: '/old' }, redirect });
  const leads = (status: number, location: string) =>
    answered(
      web,
      { path: '/old' },
      (answer) => answer.status === status && answer.headers.get('location') === location,
    );
  return [
    add('route redirect', route({ path: '/new' }), leads(302, `http://${web.host}/new`)),
    replace(
      'route redirect',
      route({ scheme: 'https', host: 'elsewhere.test', path: '/newer', status: 308 }),
      leads(308, 'https://elsewhere.test/newer'),
    ),
    remove(
      'route removed',
      route({}),
      answered(web, { path: '/old' }, ({ status }) => status === 200),
    ),
  ];
}

function respondCycle({ web }: Surroundings, { add, replace, remove }: Changes): Cycle {
  const route = (respond: object) => ({ name: 'fixed', match: { path: '/fixed' }, respond });
  const says = (status: number, body: string) =>
    answered(web, { path: '/fixed' }, (answer) => answer.status === status && answer.body === body);
  return [
    add('route respond', route({ body: 'one' }), says(200, 'one')),
    replace('route respond', route({ status: 410, contentType: 'text/html', body: 'two' }), says(410, 'two')),
    remove(
      'route removed',
      route({}),
      answered(web, { path: '/fixed' }, ({ status, body }) => status === 200 && body !== 'one'),
    ),
  ];
}

function conditionalCycle({ web, origin }: Surroundings, { add, replace, remove }: Changes): Cycle {
  const [blue = '', green = ''] = origin.plain.slice(5);
  const route = (match: object, pool: string) => ({
    name: 'conditional',
    match: { pathPrefix: '/conditional', ...match },
    pool,
  });
  const with1 = { path: '/conditional', headers: { 'X-Variant': '1' } };
  return [
    add(
      'route conditional',
      route({ header: { 'X-Variant': '1' }, method: ['GET', 'HEAD'] }, 'blue'),
      answered(web, with1, ({ body }) => body === blue),
    ),
    replace(
      'route conditional',
      route({ header: { 'X-Variant': '*' } }, 'green'),
      answered(web, with1, ({ body }) => body === green),
    ),
    replace(
      'route conditional',
      route({ method: 'GET' }, 'blue'),
      answered(web, { path: '/conditional' }, ({ body }) => body === blue),
    ),
    remove(
      'route removed',
      route({}, ''),
      answered(web, with1, ({ body }) => body !== blue),
    ),
  ];
}

function hostCycle({ web, origin }: Surroundings, { add, replace, remove }: Changes): Cycle {
  const [blue = '', green = ''] = origin.plain.slice(5);
  const route = (host: string | string[], pool: string) => ({ name: 'site', match: { host }, pool });
  const on = (host: string, target: string) => answered(web, { host }, ({ body }) => body === target);
  return [
    add('route host', route('one.test', 'blue'), on('one.test', blue)),
    replace('route host', route(['one.test', '*.many.test'], 'blue'), on('a.many.test', blue)),
    replace('route pool', route(['one.test', '*.many.test'], 'green'), on('b.many.test', green)),
    remove(
      'route removed',
      route('', ''),
      answered(web, { host: 'one.test' }, ({ body }) => body !== blue && body !== green),
    ),
  ];
}

function moveCycle({ web, origin }: Surroundings, { add, remove, reorder }: Changes): Cycle {
  const [blue = '', green = ''] = origin.plain.slice(5);
  const first = { name: 'move-1', match: { pathPrefix: '/move' }, pool: 'blue' };
  const second = { name: 'move-2', match: { pathPrefix: '/move/' }, pool: 'green' };
  const isMoving = (name: string) => name.startsWith('move-');
  const toEnd = (moved: string) => (routes: Routes) =>
    routes.toSorted((a, b) => Number(isMoving(a.name) && a.name === moved) - Number(b.name === moved));
  return [
    add('route added', first, appears(web, '/move', blue)),
    add('route added', second),
    reorder('route moved', toEnd('move-1'), appears(web, '/move', green)),
    reorder('route moved', toEnd('move-2'), appears(web, '/move', blue)),
    remove('route removed', first, appears(web, '/move', green)),
    remove('route removed', second, disappears(web, '/move', [green])),
  ];
}

function rewriteCycle({ web }: Surroundings, { add, replace, remove }: Changes): Cycle {
  const route = (rewrite: object) => ({
    name: 'rewritten',
    match: { pathPrefix: '/rewritten' },
    pool: 'blue',
    rewrite,
  });
  const asked = (path: string) =>
    answered(web, { path: '/rewritten/a' }, ({ headers }) => headers.get('x-path') === path);
  return [
    add('route rewrite', route({ pathPrefix: '/' }), asked('/a')),
    replace('route rewrite', route({ pathPrefix: '/inner', host: 'inner.test' }), asked('/inner/a')),
    replace('route rewrite', route({ path: '/same' }), asked('/same')),
    remove('route removed', route({}), asked('/rewritten/a')),
  ];
}

function headerCycle({ web }: Surroundings, { add, replace, remove }: Changes): Cycle {
  const route = (headers: object) => ({
    name: 'headed',
    match: { pathPrefix: '/headed' },
    pool: 'blue',
    headers,
  });
  const got = (name: string, value: string | undefined) =>
    answered(web, { path: '/headed' }, ({ headers }) => headers.get(name) === value);
  return [
    add('route headers', route({ request: { set: { 'X-Bench': 'a' } } }), got('x-seen', 'a')),
    replace(
      'route headers',
      route({
        request: { add: { 'X-Bench': 'b' }, remove: ['X-Other'] },
        response: { set: { 'X-Answer': 'c' }, add: { 'X-More': 'd' }, remove: ['X-Gone'] },
      }),
      got('x-answer', 'c'),
    ),
    remove('route removed', route({}), got('x-answer', undefined)),
  ];
}

function limitCycle({ web }: Surroundings, { add, replace, remove }: Changes): Cycle {
  const route = (rateLimit: object) => ({
    name: 'limited',
    match: { pathPrefix: '/limited' },
    pool: 'blue',
    rateLimit: { requests: 1_000_000, window: '1h', key: 'header:X-Client', ...rateLimit },
  });
  const client = `bench-${Math.random()}`;
  const on = (status: number) =>
    answered(
      web,
      { path: '/limited', headers: { 'X-Client': client } },
      (answer) => answer.status === status,
    );
  return [
    add('route rateLimit', route({})),
    replace('route rateLimit number', route({ requests: 1 }), on(429)),
    replace('route rateLimit number', route({ requests: 1_000_000 }), on(200)),
    replace('route rateLimit', route({ requests: 1, status: 418, exempt: ['10.0.0.1'] }), on(418)),
    replace('route rateLimit', route({ action: 'observe' }), on(200)),
    remove('route removed', route({})),
  ];
}
