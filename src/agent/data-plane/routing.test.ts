import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requests, routeMatches, routesFrom } from '../../../test/support/route-model.ts';
import { createScene, countOf, sendRaw } from '../../../test/support/scene.ts';
import { specOf } from '../../../test/support/service.ts';

const scene = await createScene();

/** Pools that tell who they are, each with one backend. */
async function pools(...names: string[]) {
  const started = await Promise.all(names.map((name) => scene.backend(name)));
  return Object.fromEntries(
    names.map((name, index) => [name, { backends: [{ target: started[index]?.target ?? '' }] }]),
  );
}

describe('which route a request takes', () => {
  it('goes by host: exact before wildcard, one label deep, whatever port, capitals or trailing dot', async () => {
    const { start, ask } = scene.balancer();
    await start({
      type: 'http',
      port: 8080,
      pools: await pools('app', 'wild', 'other'),
      backends: [{ target: (await scene.backend('default')).target }],
      routes: [
        { match: { host: 'app.example.com' }, pool: 'app' },
        { match: { host: '*.example.com' }, pool: 'wild' },
        { match: { host: ['other.test', '*.other.test'] }, pool: 'other' },
      ],
    });
    const bodyOf = async (host: string) => (await ask({ host })).body;
    expect(await bodyOf('app.example.com')).toBe('app');
    expect(await bodyOf('app.example.com:8080')).toBe('app');
    expect(await bodyOf('APP.Example.COM')).toBe('app');
    expect(await bodyOf('app.example.com.')).toBe('app');
    expect(await bodyOf('app.example.com.:8080')).toBe('app');
    expect(await bodyOf('x.example.com')).toBe('wild');
    expect(await bodyOf('X.example.com:1')).toBe('wild');
    expect(await bodyOf('x.y.example.com')).toBe('default');
    expect(await bodyOf('example.com')).toBe('default');
    expect(await bodyOf('other.test')).toBe('other');
    expect(await bodyOf('a.other.test')).toBe('other');
    expect(await bodyOf('app.example.com.evil.test')).toBe('default');
    expect(await bodyOf('127.0.0.1')).toBe('default');
    expect(await bodyOf('[::1]:8080')).toBe('default');
  });

  it('refuses what is no host, so that nothing passes a route by', async () => {
    const { start, ask, address } = scene.balancer();
    await start({
      type: 'http',
      port: 8080,
      pools: await pools('private'),
      routes: [
        { match: { host: 'a.test', pathPrefix: '/admin' }, respond: { status: 403 } },
        { match: { host: ['a.test', '*.b.test'] }, pool: 'private' },
      ],
    });
    expect((await ask({ host: 'a.test', path: '/admin' })).status).toBe(403);
    expect((await ask({ host: 'a.test', path: '/' })).body).toBe('private');
    for (const host of ['a.test/', 'a.test/x', 'x,a.test', 'a/x.b.test', 'a.test|', 'a%2etest', 'a_b@a.test'])
      expect(
        await sendRaw(address, `GET /admin HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      ).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('goes by path: whole paths, and prefixes by whole segments', async () => {
    const { start, ask } = scene.balancer();
    await start({
      type: 'http',
      port: 8080,
      pools: await pools('exact', 'api', 'v2', 'slash'),
      backends: [{ target: (await scene.backend('default')).target }],
      routes: [
        { match: { path: '/exact' }, pool: 'exact' },
        { match: { pathPrefix: '/api/v2' }, pool: 'v2' },
        { match: { pathPrefix: '/api' }, pool: 'api' },
        { match: { pathPrefix: '/dir/' }, pool: 'slash' },
      ],
    });
    const bodyOf = async (path: string) => (await ask({ path })).body;
    expect(await bodyOf('/exact')).toBe('exact');
    expect(await bodyOf('/exact?x=1')).toBe('exact');
    expect(await bodyOf('/exact/')).toBe('default');
    expect(await bodyOf('/exacts')).toBe('default');
    expect(await bodyOf('/EXACT')).toBe('default');
    expect(await bodyOf('/api')).toBe('api');
    expect(await bodyOf('/api?x=/api/v2')).toBe('api');
    expect(await bodyOf('/api/')).toBe('api');
    expect(await bodyOf('/api/v1')).toBe('api');
    expect(await bodyOf('/api/v2')).toBe('v2');
    expect(await bodyOf('/api/v2/x')).toBe('v2');
    expect(await bodyOf('/api/v20')).toBe('api');
    expect(await bodyOf('/apifoo')).toBe('default');
    expect(await bodyOf('//api')).toBe('default');
    expect(await bodyOf('/api//v2')).toBe('api');
    // Escapes are not read: `%2F` is no slash (RFC 3986, section 2.2).
    expect(await bodyOf('/api%2Fv2')).toBe('default');
    expect(await bodyOf('/dir')).toBe('slash');
    expect(await bodyOf('/dir/x')).toBe('slash');
  });

  it('goes by header and method, all of a match together', async () => {
    const { start, ask } = scene.balancer();
    await start({
      type: 'http',
      port: 8080,
      pools: await pools('canary', 'any', 'write', 'both'),
      backends: [{ target: (await scene.backend('default')).target }],
      routes: [
        { match: { header: { 'X-Canary': 'yes' }, method: 'POST' }, pool: 'both' },
        { match: { header: { 'X-Canary': 'yes' } }, pool: 'canary' },
        { match: { header: { 'X-Any': '*' } }, pool: 'any' },
        { match: { method: ['PUT', 'DELETE'] }, pool: 'write' },
      ],
    });
    const bodyOf = async (headers: Record<string, string | string[]>, method = 'GET') =>
      (await ask({ headers, method })).body;
    expect(await bodyOf({ 'x-canary': 'yes' })).toBe('canary');
    expect(await bodyOf({ 'X-CANARY': 'yes' }, 'POST')).toBe('both');
    expect(await bodyOf({ 'x-canary': 'Yes' })).toBe('default');
    expect(await bodyOf({ 'x-canary': 'yess' })).toBe('default');
    expect(await bodyOf({ 'x-canary': ['no', 'yes'] })).toBe('canary');
    expect(await bodyOf({ 'x-any': 'anything' })).toBe('any');
    expect(await bodyOf({ 'x-any': '' })).toBe('any');
    expect(await bodyOf({}, 'PUT')).toBe('write');
    expect(await bodyOf({}, 'DELETE')).toBe('write');
    expect(await bodyOf({}, 'PATCH')).toBe('default');
  });

  it('is the first that matches, conditional ones between plain ones too', async () => {
    const { start, ask } = scene.balancer();
    await start({
      type: 'http',
      port: 8080,
      pools: await pools('a', 'b', 'c', 'd', 'e'),
      backends: [{ target: (await scene.backend('default')).target }],
      routes: [
        { match: { pathPrefix: '/one' }, pool: 'a' },
        { match: { pathPrefix: '/one', method: 'POST' }, pool: 'b' },
        { match: { pathPrefix: '/two', method: 'POST' }, pool: 'b' },
        { match: { pathPrefix: '/two/deep' }, pool: 'c' },
        { match: { header: { 'X-E': '*' } }, pool: 'e' },
        { match: { pathPrefix: '/two' }, pool: 'd' },
      ],
    });
    const bodyOf = async (path: string, method = 'GET', headers = {}) =>
      (await ask({ path, method, headers })).body;
    expect(await bodyOf('/one')).toBe('a');
    expect(await bodyOf('/one', 'POST')).toBe('a');
    expect(await bodyOf('/two', 'POST')).toBe('b');
    expect(await bodyOf('/two/deep', 'POST')).toBe('b');
    expect(await bodyOf('/two/deep')).toBe('c');
    expect(await bodyOf('/two/deep', 'GET', { 'x-e': '1' })).toBe('c');
    expect(await bodyOf('/two', 'GET', { 'x-e': '1' })).toBe('e');
    expect(await bodyOf('/two')).toBe('d');
    expect(await bodyOf('/', 'GET', { 'x-e': '1' })).toBe('e');
    expect(await bodyOf('/')).toBe('default');
  });

  it('is what the spec says for any routes and requests', async () => {
    const { start, ask, test } = scene.balancer();
    const several = fc.sample(routesFrom, { seed: 20261123, numRuns: 12 });
    let routes = [] as { match: object; redirect: object }[];
    const expected = () => test.desired.spec.routes;
    for (const [index, list] of several.entries()) {
      // Each route tells its place.
      routes = list.map(({ match }, place) => ({ match, redirect: { path: `/route-${place}` } }));
      if (index === 0) await start({ type: 'http', port: 8080, routes });
      else await test.set({ type: 'http', port: 8080, routes });
      for (const request of fc.sample(requests, { seed: index, numRuns: 25 })) {
        const { status, headers } = await ask(request);
        const place = expected().findIndex((route) => routeMatches(route, request));
        expect({ request, status, to: headers.location }).toEqual(
          place < 0
            ? { request, status: 404, to: undefined }
            : { request, status: 302, to: `http://${request.host}/route-${place}` },
        );
      }
    }
  });

  it('is found for requests without a host too', async () => {
    const { start, address } = scene.balancer();
    await start({
      type: 'http',
      port: 8080,
      pools: await pools('admin', 'posts'),
      backends: [{ target: (await scene.backend('default')).target }],
      routes: [
        { match: { pathPrefix: '/admin' }, pool: 'admin' },
        { match: { method: 'POST' }, pool: 'posts' },
      ],
    });
    const bodyOf = async (head: string) =>
      (await sendRaw(address, `${head}\r\n\r\n`)).split('\r\n\r\n')[1] ?? '';
    expect(await bodyOf('GET /admin HTTP/1.0')).toBe('admin');
    expect(await bodyOf('GET /admin HTTP/1.0\r\nHost:')).toBe('admin');
    expect(await bodyOf('POST /x HTTP/1.0')).toBe('posts');
    expect(await bodyOf('GET /x HTTP/1.0')).toBe('default');
  });

  it('is none: then the pool at the top has it, or 404 while that has no backends', async () => {
    const { start, ask, runtime } = scene.balancer();
    const spec = {
      type: 'http',
      port: 8080,
      pools: await pools('app'),
      routes: [{ match: { host: 'app.test' }, pool: 'app' }],
    };
    await start(spec);
    expect((await ask({ host: 'app.test' })).body).toBe('app');
    expect(await ask({ host: 'x.test' })).toMatchObject({ status: 404 });
    const main = await scene.backend('main');
    await runtime({ ...spec, backends: [{ target: main.target }] }, 'add-backend');
    expect(await ask({ host: 'x.test' })).toMatchObject({ status: 200, body: 'main' });
    await runtime(spec, 'remove-backend');
    expect(await ask({ host: 'x.test' })).toMatchObject({ status: 404 });
  });

  it('changes at run time where routes are plain', async () => {
    const { start, ask, runtime } = scene.balancer();
    const spec = (routes: object[]) => ({ type: 'http', port: 8080, pools: two, routes });
    const two = await pools('one', 'two');
    const first = { match: { host: 'one.test' }, pool: 'one' };
    const wild = { match: { host: '*.wild.test' }, pool: 'one' };
    await start(spec([first, wild]));
    await runtime(spec([first, wild, { match: { host: 'two.test' }, pool: 'two' }]), 'set-routes');
    expect((await ask({ host: 'two.test' })).body).toBe('two');
    await runtime(
      spec([first, wild, { match: { host: ['two.test', '*.two.test'], pathPrefix: '/x' }, pool: 'two' }]),
      'set-routes',
    );
    expect((await ask({ host: 'a.two.test', path: '/x/y' })).body).toBe('two');
    expect((await ask({ host: 'two.test' })).status).toBe(404);
    await runtime(spec([{ match: { host: 'one.test' }, pool: 'two' }, wild]), 'set-routes');
    expect((await ask({ host: 'one.test' })).body).toBe('two');
    expect((await ask({ host: 'a.two.test', path: '/x' })).status).toBe(404);
  });

  it('reloads for the first route of a kind that names no host or one with a wildcard', async () => {
    const { start, ask, test } = scene.balancer();
    const pool = { pools: await pools('one', 'two') };
    const spec = (routes: object[]) => ({ type: 'http', port: 8080, ...pool, routes });
    const first = { match: { host: 'one.test' }, pool: 'one' };
    await start(spec([first]));
    const routes = [first, { match: { host: '*.one.test' }, pool: 'two' }];
    expect(await test.set(spec(routes))).toMatchObject({ path: 'reload', outcome: 'applied' });
    expect((await ask({ host: 'a.one.test' })).body).toBe('two');
    expect(await test.set(spec([...routes, { match: {}, pool: 'two' }]))).toMatchObject({ path: 'reload' });
    expect((await ask({ host: 'else.test' })).body).toBe('two');
  });

  it('is right among a thousand', async () => {
    const { start, ask, runtime } = scene.balancer();
    const names = ['p0', 'p1', 'p2'];
    const three = await pools(...names);
    const routes = Array.from({ length: 1000 }, (_, index) => ({
      match: { host: `h${index}.test`, ...(index % 2 ? { pathPrefix: `/v${index % 7}` } : {}) },
      pool: `p${index % 3}`,
    }));
    const spec = { type: 'http', port: 8080, pools: three, routes };
    await start(spec);
    for (const index of [0, 1, 2, 499, 500, 501, 997, 998, 999]) {
      const path = index % 2 ? `/v${index % 7}/x` : '/anything';
      expect((await ask({ host: `h${index}.test`, path })).body).toBe(`p${index % 3}`);
    }
    expect((await ask({ host: 'h1000.test' })).status).toBe(404);
    await runtime({ ...spec, routes: [...routes, { match: { host: 'h1000.test' }, pool: 'p2' }] });
    expect((await ask({ host: 'h1000.test' })).body).toBe('p2');
  });
});

describe('a split', () => {
  it('shares requests out by weight, and by another at run time', async () => {
    const { start, ask, runtime } = scene.balancer();
    const two = await pools('old', 'new');
    const spec = (oldWeight: number, newWeight: number) => ({
      type: 'http',
      port: 8080,
      pools: two,
      routes: [
        {
          match: { pathPrefix: '/' },
          split: [
            { pool: 'old', weight: oldWeight },
            { pool: 'new', weight: newWeight },
          ],
        },
      ],
    });
    const counts = async (total: number) => {
      const bodies: string[] = [];
      for (let batch = 0; batch < total / 100; batch++)
        bodies.push(...(await Promise.all(Array.from({ length: 100 }, async () => (await ask()).body))));
      return countOf(bodies);
    };
    await start(spec(90, 10));
    const before = await counts(2000);
    // Six standard deviations of 2000 draws of 0.1.
    expect(Math.abs((before['new'] ?? 0) - 200)).toBeLessThan(80);
    expect((before['old'] ?? 0) + (before['new'] ?? 0)).toBe(2000);
    await runtime(spec(1, 3), 'set-routes');
    const after = await counts(1000);
    expect(Math.abs((after['new'] ?? 0) - 750)).toBeLessThan(85);
    await runtime(spec(0, 1), 'set-routes');
    expect(await counts(100)).toEqual({ new: 100 });
  });
});

describe('a route that answers by itself', () => {
  it.each([301, 302, 303, 307, 308])('redirects with %d', async (status) => {
    const { start, ask } = scene.balancer();
    await start({
      type: 'http',
      port: 8080,
      routes: [
        { match: { host: 'a.test' }, redirect: { host: 'www.a.test', status } },
        { match: { pathPrefix: '/path' }, redirect: { path: '/new?x=%20y', status } },
        { match: { pathPrefix: '/scheme' }, redirect: { scheme: 'https', status } },
        {
          match: { pathPrefix: '/all' },
          redirect: { scheme: 'https', host: 'b.test:8443', path: '/z', status },
        },
      ],
    });
    const locationOf = async (host: string, path: string) => {
      const answer = await ask({ host, path });
      expect(answer.status).toBe(status);
      return answer.headers.location;
    };
    expect(await locationOf('a.test', "/some//path%2F?q=1&r='%zz")).toBe(
      "http://www.a.test/some//path%2F?q=1&r='%zz",
    );
    expect(await locationOf('b.test:8080', '/path?gone=1')).toBe('http://b.test:8080/new?x=%20y');
    expect(await locationOf('b.test', '/scheme?kept=1')).toBe('https://b.test/scheme?kept=1');
    // A port belongs to its scheme.
    expect(await locationOf('b.test:8080', '/scheme')).toBe('https://b.test/scheme');
    expect(await locationOf('c.test', '/all')).toBe('https://b.test:8443/z');
  });

  it('redirects to a scheme alone only whom it does not have yet', async () => {
    const { start, ask } = scene.balancer();
    const { target } = await scene.backend('plain');
    await start({
      type: 'http',
      port: 8080,
      backends: [{ target }],
      routes: [{ match: {}, redirect: { scheme: 'http' } }],
    });
    expect(await ask({ host: 'a.test', path: '/' })).toMatchObject({ status: 200, body: 'plain' });
  });

  it('responds with any text, and changes of redirects are made at run time', async () => {
    const { start, ask, runtime } = scene.balancer();
    const body = 'line one\r\n\nline "two" \\ \'three\' %[src] ${HOME} 100% # no comment\n\tä🙂\n';
    const spec = (to: string) => ({
      type: 'http',
      port: 8080,
      routes: [
        { match: { path: '/robots.txt' }, respond: { body } },
        { match: { path: '/teapot' }, respond: { status: 418, contentType: 'application/json', body: '{}' } },
        { match: { path: '/empty' }, respond: {} },
        { match: { path: '/gone' }, respond: { status: 410, body: 'gone' } },
        { match: { path: '/long' }, respond: { body: 'x'.repeat(8192) } },
        { match: { path: '/to' }, redirect: { host: to } },
      ],
    });
    await start(spec('one.test'));
    expect(await ask({ path: '/robots.txt' })).toMatchObject({
      status: 200,
      body,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    });
    expect(await ask({ path: '/teapot' })).toMatchObject({
      status: 418,
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect(await ask({ path: '/empty' })).toMatchObject({ status: 200, body: '' });
    expect(await ask({ path: '/gone' })).toMatchObject({ status: 410, body: 'gone' });
    expect((await ask({ path: '/long' })).body).toBe('x'.repeat(8192));
    expect((await ask({ path: '/robots.txt', method: 'HEAD' })).body).toBe('');
    await runtime(spec('two.test'), 'set-routes');
    expect((await ask({ path: '/to', host: 'x' })).headers.location).toBe('http://two.test/to');
  });

  it('responds with the longest text that a spec may hold', async () => {
    const { start, ask } = scene.balancer();
    const body = `${'語'.repeat(2730)}..`;
    await start({ type: 'http', port: 8080, routes: [{ match: {}, respond: { body } }] });
    expect((await ask()).body).toBe(body);
    expect(() => specOf({ type: 'http', routes: [{ match: {}, respond: { body: `${body}.` } }] })).toThrow(
      /8192 bytes/,
    );
  });
});
