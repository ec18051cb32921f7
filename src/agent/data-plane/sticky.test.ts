import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Balancer, createScene, openStream } from '../../../test/support/scene.ts';
import type { TestBackend } from '../../../test/support/backends.ts';
import { waitFor } from '../../../test/support/wait.ts';

const scene = await createScene();

const CHECK = { type: 'http', path: '/health', interval: '200ms', fall: 1, rise: 1 };

function backends(count: number, prefix = 'b'): Promise<TestBackend[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => scene.backend(`${prefix}${index}`)));
}

const targets = (list: readonly TestBackend[]) => list.map(({ target }) => ({ target }));

/** The cookie that an answer sets, as `NAME=value`, and its attributes. */
function cookieOf(headers: IncomingHttpHeaders): { cookie: string; attributes: string[] } | undefined {
  const [line, ...more] = headers['set-cookie'] ?? [];
  expect(more).toEqual([]);
  if (line === undefined) return undefined;
  const [cookie = '', ...attributes] = line.split('; ');
  return { cookie, attributes };
}

/** A client that keeps its cookie: who serves it now, and whether it was given another cookie. */
async function visit({ ask }: Balancer, cookie?: string, path = '/') {
  const answer = await ask({ path, headers: cookie === undefined ? {} : { cookie } });
  const set = cookieOf(answer.headers);
  return { by: answer.body, status: answer.status, set: set?.cookie, cookie: set?.cookie ?? cookie ?? '' };
}

/** A new client, bound to the backend of that name. */
function bindTo(balancer: Balancer, name: string, path = '/') {
  return waitFor(`a client of ${name}`, async () => {
    const bound = await visit(balancer, undefined, path);
    return bound.by === name ? bound.cookie : undefined;
  });
}

describe('a sticky cookie', () => {
  it('binds a client, tells nothing, and carries the attributes that the spec asks for', async () => {
    const balancer = scene.balancer();
    const spec = { type: 'http', port: 8080, backends: targets(await backends(2)) };
    await balancer.start({ ...spec, sticky: { mode: 'cookie' } });
    const first = cookieOf((await balancer.ask()).headers);
    expect(first?.cookie).toMatch(/^SERVERID=[0-9a-f]{20}$/);
    expect(first?.attributes).toEqual(['Path=/', 'HttpOnly', 'SameSite=Lax']);
    const again = await visit(balancer, first?.cookie);
    expect(again.set).toBeUndefined();
    for (let i = 0; i < 6; i++) expect((await visit(balancer, first?.cookie)).by).toBe(again.by);
    await balancer.reload({
      ...spec,
      sticky: {
        mode: 'cookie',
        cookieName: 'my-LB_1',
        ttl: '90m',
        httpOnly: false,
        sameSite: 'strict',
        secure: true,
      },
    });
    const second = cookieOf((await balancer.ask()).headers);
    expect(second?.cookie).toBe(
      first?.cookie.replace('SERVERID', 'my-LB_1').replace(/=.*/, `=${valueOf(second?.cookie)}`),
    );
    expect(second?.attributes).toEqual(['Path=/', 'Max-Age=5400', 'SameSite=Strict', 'Secure']);
    await balancer.reload({ ...spec, sticky: { mode: 'cookie', sameSite: 'none' } });
    expect(cookieOf((await balancer.ask()).headers)?.attributes).toEqual([
      'Path=/',
      'HttpOnly',
      'SameSite=None',
      'Secure',
    ]);
  });

  it('holds over a reload, backends that come and go, and a restart of the agent', async () => {
    const balancer = scene.balancer();
    const [one, two, three] = await backends(3);
    const all = targets([one!, two!, three!]);
    const spec = { type: 'http', port: 8080, sticky: { mode: 'cookie' }, backends: all.slice(0, 2) };
    await balancer.start(spec);
    const cookie = await bindTo(balancer, 'b0');
    const isHeld = async () => {
      for (let i = 0; i < 4; i++)
        expect(await visit(balancer, cookie)).toMatchObject({ by: 'b0', set: undefined });
    };
    await balancer.runtime({ ...spec, backends: all }, 'add-backend');
    await isHeld();
    const late = await bindTo(balancer, 'b2');
    expect(await visit(balancer, late)).toMatchObject({ by: 'b2', set: undefined });
    await balancer.runtime({ ...spec, backends: [all[0], all[2]] }, 'remove-backend');
    await isHeld();
    await balancer.reload({ ...spec, backends: [all[2], all[0]], algorithm: 'leastconn' });
    await isHeld();
    expect(await visit(balancer, late)).toMatchObject({ by: 'b2', set: undefined });
    await balancer.restartAgent();
    await isHeld();
    await balancer.runtime({ ...spec, backends: all, algorithm: 'leastconn' }, 'add-backend');
    await isHeld();
    expect(await visit(balancer, late)).toMatchObject({ by: 'b2', set: undefined });
  });

  it('of a backend that drains keeps its clients there, and new ones go elsewhere', async () => {
    const balancer = scene.balancer();
    const [one, two] = targets(await backends(2));
    const spec = { type: 'http', port: 8080, sticky: { mode: 'cookie' }, backends: [one, two] };
    await balancer.start(spec);
    const cookie = await bindTo(balancer, 'b0');
    await balancer.runtime({ ...spec, backends: [{ ...one, drain: true }, two] }, 'drain-backend');
    for (let i = 0; i < 5; i++)
      expect(await visit(balancer, cookie)).toMatchObject({ by: 'b0', set: undefined });
    for (let i = 0; i < 5; i++) expect((await visit(balancer)).by).toBe('b1');
    await balancer.reload({
      ...spec,
      backends: [{ ...one, drain: true }, two],
      algorithm: 'leastconn',
    });
    for (let i = 0; i < 5; i++)
      expect(await visit(balancer, cookie)).toMatchObject({ by: 'b0', set: undefined });
    for (let i = 0; i < 5; i++) expect((await visit(balancer)).by).toBe('b1');
  });

  it('of a backend that is down or gone is replaced by another', async () => {
    const balancer = scene.balancer();
    const list = await backends(3);
    const spec = {
      type: 'http',
      port: 8080,
      sticky: { mode: 'cookie' },
      backends: targets(list),
      healthCheck: CHECK,
    };
    await balancer.start(spec);
    const cookie = await bindTo(balancer, 'b0');
    list[0]!.health.status = 500;
    await waitFor('down', () => balancer.test.backendState(list[0]!.target) === 'down');
    const moved = await visit(balancer, cookie);
    expect(moved).toMatchObject({ status: 200, set: expect.stringMatching(/^SERVERID=/) });
    expect(moved.by).not.toBe('b0');
    expect(await visit(balancer, moved.cookie)).toMatchObject({ by: moved.by, set: undefined });
    const goes = list.findIndex(({ name }) => name === moved.by);
    await balancer.runtime({ ...spec, backends: targets(list.filter((_, index) => index !== goes)) });
    const again = await visit(balancer, moved.cookie);
    expect(again).toMatchObject({ status: 200, set: expect.stringMatching(/^SERVERID=/) });
    expect(again.by).not.toBe(moved.by);
  });

  it('is each pool’s own', async () => {
    const balancer = scene.balancer();
    const shared = await backends(2, 'shared');
    await balancer.start({
      type: 'http',
      port: 8080,
      sticky: { mode: 'cookie' },
      backends: targets(await backends(2, 'main')),
      pools: {
        api: { backends: targets(shared), sticky: { mode: 'cookie' } },
        named: { backends: targets(shared), sticky: { mode: 'cookie', cookieName: 'OTHER' } },
        free: { backends: targets(await backends(2, 'free')) },
      },
      routes: [
        { match: { pathPrefix: '/api' }, pool: 'api' },
        { match: { pathPrefix: '/named' }, pool: 'named' },
        { match: { pathPrefix: '/free' }, pool: 'free' },
      ],
    });
    const main = await bindTo(balancer, 'main0');
    const api = await bindTo(balancer, 'shared0', '/api');
    const named = await bindTo(balancer, 'shared1', '/named');
    expect(named).toMatch(/^OTHER=/);
    for (let i = 0; i < 3; i++) {
      expect(await visit(balancer, `${main}; ${named}`)).toMatchObject({ by: 'main0', set: undefined });
      expect(await visit(balancer, `${api}; ${named}`, '/api')).toMatchObject({
        by: 'shared0',
        set: undefined,
      });
      expect(await visit(balancer, `${api}; ${named}`, '/named')).toMatchObject({
        by: 'shared1',
        set: undefined,
      });
    }
    expect((await visit(balancer, undefined, '/free')).set).toBeUndefined();
    // The cookie of one pool says nothing in another.
    expect((await visit(balancer, main, '/api')).set).toMatch(/^SERVERID=/);
    expect(
      new Set(await Promise.all([1, 2, 3, 4].map(async () => (await visit(balancer, main, '/free')).by)))
        .size,
    ).toBe(2);
  });

  it('with a hostile value is a client without one', async () => {
    const balancer = scene.balancer();
    const list = await backends(2);
    await balancer.start({
      type: 'http',
      port: 8080,
      sticky: { mode: 'cookie' },
      backends: targets(list),
    });
    const good = valueOf(await bindTo(balancer, 'b0'));
    const values = [
      '',
      '""',
      good.toUpperCase(),
      `${good}x`,
      list[0]!.target,
      `default/${list[0]!.target}`,
      '%[src]',
      "'; --",
      '../../etc/passwd',
      'ä',
      'x'.repeat(3000),
      '127.0.0.1',
      '\t',
    ];
    for (const value of values) {
      const visitor = await visit(balancer, `SERVERID=${Buffer.from(value).toString('latin1')}`);
      expect([value, visitor.status, visitor.set === undefined]).toEqual([value, 200, false]);
    }
    // The right one counts wherever it stands.
    expect(await visit(balancer, `a=1; SERVERID=${good}; z="2"`)).toMatchObject({ by: 'b0', set: undefined });
  });

  it('is not set by what no backend answered', async () => {
    const balancer = scene.balancer();
    const [dead] = await backends(1);
    await balancer.start({
      type: 'http',
      port: 8080,
      sticky: { mode: 'cookie' },
      backends: targets([dead!]),
      access: { deny: ['127.9.9.9'] },
      retries: 0,
    });
    expect((await balancer.ask({ from: '127.9.9.9' })).headers['set-cookie']).toBeUndefined();
    await dead!.stop();
    const answer = await balancer.ask();
    expect(answer.status).toBe(503);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });
});

describe('stickiness by the client’s address', () => {
  it('holds over a reload right after the start, backends that come and go, and a restart of the agent', async () => {
    const balancer = scene.balancer();
    const [one, two, three] = targets(await backends(3));
    const spec = { type: 'http', port: 8080, sticky: { mode: 'source-ip' }, backends: [one, two] };
    await balancer.start(spec);
    const clients = Array.from({ length: 8 }, (_, index) => `127.5.0.${index + 1}`);
    const placesOf = () => Promise.all(clients.map(async (from) => (await balancer.ask({ from })).body));
    const before = await placesOf();
    expect(new Set(before)).toEqual(new Set(['b0', 'b1']));
    await balancer.reload({ ...spec, algorithm: 'leastconn' });
    expect(await placesOf()).toEqual(before);
    const least = { ...spec, algorithm: 'leastconn' };
    await balancer.runtime({ ...least, backends: [one, two, three] }, 'add-backend');
    expect(await placesOf()).toEqual(before);
    // New clients do come to the new one.
    await waitFor('a client of the new one', async () => {
      const from = `127.6.${Math.floor(Math.random() * 200)}.${Math.floor(Math.random() * 200) + 1}`;
      return (await balancer.ask({ from })).body === 'b2';
    });
    await balancer.runtime({ ...least, backends: [{ ...one, drain: true }, two, three] }, 'drain-backend');
    expect(await placesOf()).toEqual(before);
    await balancer.runtime({ ...least, backends: [one, two, three] }, 'enable-backend');
    await balancer.restartAgent();
    expect(await placesOf()).toEqual(before);
    await balancer.reload({ ...spec, backends: [three, two, one] });
    expect(await placesOf()).toEqual(before);
    // Only those of a backend that goes move, and stay where they came to.
    await balancer.runtime({ ...spec, backends: [three, one] }, 'remove-backend');
    const after = await placesOf();
    for (const [index, place] of before.entries())
      if (place === 'b0') expect(after[index]).toBe('b0');
      else expect(after[index]).not.toBe('b1');
    expect(await placesOf()).toEqual(after);
  });

  it.each(['source-ip', 'cookie'])(
    'does not hold for a backend that is gone but for its last requests: %s',
    async (mode) => {
      const balancer = scene.balancer();
      const held: ServerResponse[] = [];
      const start = (name: string) =>
        scene.backend({
          name,
          handle: (request, response) =>
            request.url === '/hold' ? void held.push(response) : void response.end(name),
        });
      const [one, two] = [await start('b0'), await start('b1')];
      const spec = { type: 'http', port: 8080, sticky: { mode } };
      await balancer.start({ ...spec, backends: targets([one, two]) });
      const cookie = await bindTo(balancer, 'b0');
      const from = await waitFor('an address of b0', async () => {
        const address = `127.5.2.${Math.floor(Math.random() * 250) + 1}`;
        return (await balancer.ask({ from: address, headers: { cookie } })).body === 'b0' && address;
      });
      const last = balancer.ask({ from, path: '/hold', headers: { cookie } });
      await waitFor('a request that lasts', () => held.length === 1);
      await balancer.runtime({ ...spec, backends: targets([two]) }, 'remove-backend');
      for (let i = 0; i < 5; i++) expect((await balancer.ask({ from, headers: { cookie } })).body).toBe('b1');
      held[0]?.end('the last');
      expect(await last).toMatchObject({ status: 200, body: 'the last' });
      // Back again before or after it has gone: it is one like any other.
      await balancer.runtime({ ...spec, backends: targets([one, two]) }, 'add-backend');
      await waitFor(
        'b0',
        async () => (await balancer.ask({ from: `127.5.3.${Math.ceil(Math.random() * 250)}` })).body === 'b0',
      );
    },
  );

  it('holds for TCP connections too', async () => {
    const balancer = scene.balancer();
    const [one, two] = [await scene.tcpBackend('one'), await scene.tcpBackend('two')];
    const spec = {
      type: 'tcp',
      port: 8080,
      sticky: { mode: 'source-ip', ttl: '10m' },
      backends: [{ target: one.target }, { target: two.target }],
    };
    await balancer.start(spec);
    const placesOf = () =>
      Promise.all(
        [1, 2, 3, 4, 5, 6].map(async (index) => {
          const stream = await openStream(balancer.address, 8080, `127.5.1.${index}`);
          const greeting = await stream.next();
          stream.socket.destroy();
          return greeting;
        }),
      );
    const before = await placesOf();
    expect(new Set(before).size).toBe(2);
    expect(await placesOf()).toEqual(before);
    await balancer.reload({ ...spec, algorithm: 'leastconn' });
    expect(await placesOf()).toEqual(before);
    const third = await scene.tcpBackend('three');
    await balancer.runtime(
      { ...spec, algorithm: 'leastconn', backends: [...spec.backends, { target: third.target }] },
      'add-backend',
    );
    expect(await placesOf()).toEqual(before);
  });
});

function valueOf(cookie: string | undefined): string {
  return cookie?.split('=')[1] ?? '';
}
