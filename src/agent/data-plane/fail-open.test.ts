import { describe, expect, it } from 'vitest';
import { countOf, createScene, openStream } from '../../../test/support/scene.ts';
import { freePort } from '../../../test/support/temporary.ts';
import { waitFor } from '../../../test/support/wait.ts';

const scene = await createScene();

const CHECK = { path: '/health', interval: '200ms', fall: 1, rise: 1 };

describe('a pool that fails open', () => {
  it('is served while every check fails, by backends of run time too, and as ever afterwards', async () => {
    const { start, runtime, ask, test } = scene.balancer();
    const [one, two, three] = [
      await scene.backend('one'),
      await scene.backend('two'),
      await scene.backend('three'),
    ];
    const spec = (...list: { target: string }[]) => ({
      type: 'http',
      port: 8080,
      failOpen: true,
      healthCheck: CHECK,
      backends: list.map(({ target }) => ({ target })),
    });
    const bodies = async (count: number) => {
      const seen: string[] = [];
      for (let i = 0; i < count; i++) {
        const { status, body } = await ask();
        seen.push(status === 200 ? body : String(status));
      }
      return countOf(seen);
    };
    const areAll = (state: string, ...list: { target: string }[]) =>
      waitFor(`all ${state}`, () => list.every(({ target }) => test.backendState(target) === state));
    await start(spec(one, two));
    // One that is down gets nothing while another is up.
    one.health.status = 500;
    await areAll('down', one);
    expect(await bodies(6)).toEqual({ two: 6 });
    two.health.status = 500;
    await areAll('down', one, two);
    expect(await bodies(6)).toEqual({ one: 3, two: 3 });
    three.health.status = 500;
    await runtime(spec(one, two, three), 'add-backend');
    await areAll('down', three);
    expect(await bodies(9)).toEqual({ one: 3, two: 3, three: 3 });
    await runtime(spec(one, three), 'remove-backend');
    expect(await bodies(6)).toEqual({ one: 3, three: 3 });
    await runtime({
      ...spec(one, three),
      backends: [{ target: one.target, drain: true }, { target: three.target }],
    });
    expect(await bodies(4)).toEqual({ three: 4 });
    await runtime(spec(one, three));
    one.health.status = 200;
    await areAll('up', one);
    expect(await bodies(6)).toEqual({ one: 6 });
  });

  it('is one for a route or a split as well, and others do not', async () => {
    const { start, ask, test } = scene.balancer();
    const [open, shut] = [await scene.backend('open'), await scene.backend('shut')];
    open.health.status = 500;
    shut.health.status = 500;
    const pool = (target: string, failOpen: boolean) => ({
      backends: [{ target }],
      healthCheck: CHECK,
      failOpen,
    });
    await start({
      type: 'http',
      port: 8080,
      pools: { open: pool(open.target, true), shut: pool(shut.target, false) },
      routes: [
        { match: { pathPrefix: '/open' }, pool: 'open' },
        { match: { pathPrefix: '/shut' }, pool: 'shut' },
        {
          match: {},
          split: [
            { pool: 'open', weight: 1 },
            { pool: 'shut', weight: 0 },
          ],
        },
      ],
    });
    expect(test.backendState(open.target)).toBe('down');
    expect(await ask({ path: '/open' })).toMatchObject({ status: 200, body: 'open' });
    expect(await ask({ path: '/shut' })).toMatchObject({ status: 503 });
    expect(await ask({ path: '/' })).toMatchObject({ status: 200, body: 'open' });
  });

  it.each(['cookie', 'source-ip'])('keeps its clients where they are (%s)', async (mode) => {
    const { start, ask, test } = scene.balancer();
    const list = await Promise.all(['one', 'two', 'three'].map((name) => scene.backend(name)));
    await start({
      type: 'http',
      port: 8080,
      failOpen: true,
      sticky: { mode },
      healthCheck: CHECK,
      backends: list.map(({ target }) => ({ target })),
    });
    const first = await ask();
    const cookie = first.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    const again = async () => {
      const bodies: string[] = [];
      for (let i = 0; i < 6; i++) bodies.push((await ask({ headers: { cookie } })).body);
      return countOf(bodies);
    };
    expect(await again()).toEqual({ [first.body]: 6 });
    for (const backend of list) backend.health.status = 500;
    await waitFor('all down', () => list.every(({ target }) => test.backendState(target) === 'down'));
    expect(await again()).toEqual({ [first.body]: 6 });
    for (const backend of list) backend.health.status = 200;
    await waitFor('all up', () => list.every(({ target }) => test.backendState(target) === 'up'));
    expect(await again()).toEqual({ [first.body]: 6 });
  });

  it('keeps bound clients on backends that all drain', async () => {
    const { start, runtime, ask } = scene.balancer();
    const list = await Promise.all(['one', 'two'].map((name) => scene.backend(name)));
    const spec = (drain: boolean) => ({
      type: 'http',
      port: 8080,
      failOpen: true,
      sticky: { mode: 'cookie' },
      backends: list.map(({ target }) => ({ target, drain })),
    });
    await start(spec(false));
    const first = await ask();
    const cookie = first.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    await runtime(spec(true), 'drain-backend');
    for (let i = 0; i < 3; i++)
      expect(await ask({ headers: { cookie } })).toMatchObject({ status: 200, body: first.body });
  });

  it('is one for TCP too', async () => {
    const { start, address, test } = scene.balancer();
    const backend = await scene.tcpBackend('db');
    const port = await freePort();
    await start({
      type: 'tcp',
      port: 8080,
      failOpen: true,
      backends: [{ target: backend.target }],
      healthCheck: { port, interval: '200ms', fall: 1 },
    });
    await waitFor('down', () => test.backendState(backend.target) === 'down');
    const stream = await openStream(address);
    expect(await stream.next()).toBe('db\n');
    stream.socket.destroy();
  });
});

describe('a failed request', () => {
  it('is sent to another backend when the first cannot be reached, and a POST too', async () => {
    const { start, ask } = scene.balancer();
    const [dead, alive] = [await scene.backend('dead'), await scene.backend('alive')];
    await start({
      type: 'http',
      port: 8080,
      backends: [{ target: dead.target }, { target: alive.target }],
      healthCheck: { interval: '1h', timeout: '1s', passive: { errors: 0 } },
    });
    await dead.stop();
    for (let i = 0; i < 4; i++)
      expect(await ask({ method: i % 2 ? 'POST' : 'GET', body: i % 2 ? 'order' : '' })).toMatchObject({
        status: 200,
        body: 'alive',
      });
  });

  it('that was sent already is sent again when it is a GET, and never when it is not', async () => {
    const { start, ask } = scene.balancer();
    const rude = await scene.backend({ name: 'rude', handle: (request) => void request.socket.destroy() });
    const kind = await scene.backend('kind');
    const spec = (retries: number) => ({
      type: 'http',
      port: 8080,
      retries,
      backends: [{ target: rude.target }, { target: kind.target }],
      healthCheck: { interval: '1h', timeout: '1s', passive: { errors: 0 } },
    });
    await start(spec(3));
    for (let i = 0; i < 6; i++) expect(await ask()).toMatchObject({ status: 200, body: 'kind' });
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const before = rude.requests.length + kind.requests.length;
      const statuses = [];
      for (let i = 0; i < 2; i++) statuses.push((await ask({ method, body: 'x' })).status);
      expect([method, statuses.toSorted((left, right) => left - right)]).toEqual([method, [200, 502]]);
      expect(rude.requests.length + kind.requests.length - before).toBe(2);
    }
  });

  it('is not tried again when the spec says so', async () => {
    const { start, ask } = scene.balancer();
    const rude = await scene.backend({ name: 'rude', handle: (request) => void request.socket.destroy() });
    await start({
      type: 'http',
      port: 8080,
      retries: 0,
      backends: [{ target: rude.target }],
      healthCheck: { passive: { errors: 0 } },
    });
    expect((await ask()).status).toBe(502);
    expect(rude.requests.length).toBe(1);
  });
});

describe('a slow start', () => {
  it('gives a backend that comes back its share little by little', async () => {
    const { start, runtime, tell, test } = scene.balancer();
    const [one, two] = [await scene.backend('one'), await scene.backend('two')];
    const spec = (...list: { target: string }[]) => ({
      type: 'http',
      port: 8080,
      slowStart: '60s',
      healthCheck: CHECK,
      backends: list.map(({ target }) => ({ target, weight: 100 })),
    });
    const throttleOf = async (target: string) => {
      const [names = '', ...lines] = (await tell('show stat default 4 -1')).split('\n');
      const column = names.split(',').indexOf('throttle');
      const line = lines.find((each) => each.split(',')[1] === target);
      return Number(line?.split(',')[column] || 100);
    };
    await start(spec(one));
    await runtime(spec(one, two), 'add-backend');
    expect(await throttleOf(two.target)).toBeLessThan(30);
    one.health.status = 500;
    await waitFor('down', () => test.backendState(one.target) === 'down');
    one.health.status = 200;
    await waitFor('up', () => test.backendState(one.target) === 'up');
    expect(await throttleOf(one.target)).toBeLessThan(30);
  });
});
