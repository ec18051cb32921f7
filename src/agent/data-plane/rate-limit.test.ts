import { Agent, request } from 'node:http';
import { describe, expect, it } from 'vitest';
import {
  type AskOptions,
  type Balancer,
  countOf,
  createScene,
  openStream,
  sendRaw,
} from '../../../test/support/scene.ts';
import { waitFor } from '../../../test/support/wait.ts';

const scene = await createScene();

async function spec(rateLimit: object, more: object = {}) {
  const backend = await scene.backend('web');
  return { type: 'http', port: 8080, backends: [{ target: backend.target }], rateLimit, ...more };
}

/** How often each status was answered to so many requests at once. */
async function statuses({ ask }: Balancer, count: number, options: AskOptions = {}) {
  const answers = await Promise.all(Array.from({ length: count }, () => ask(options)));
  return countOf(answers.map(({ status }) => String(status)));
}

/** As a client behind a proxy that tells its address. */
function proxied(balancer: Balancer, client: string, head = 'GET / HTTP/1.1\r\nHost: x'): Promise<string> {
  const family = client.includes(':') ? 'TCP6' : 'TCP4';
  const to = client.includes(':') ? '2001:db8::1' : '192.0.2.1';
  return sendRaw(
    balancer.address,
    `PROXY ${family} ${client} ${to} 4000 80\r\n${head}\r\nConnection: close\r\n\r\n`,
  );
}

const statusOf = (answer: string) => answer.slice(9, 12);

describe('a rate limit', () => {
  it('lets exactly its number through of a burst, and tells the others when to come again', async () => {
    const balancer = scene.balancer();
    await balancer.start(await spec({ requests: 100, window: '60s' }));
    expect(await statuses(balancer, 150)).toEqual({ 200: 100, 429: 50 });
    const refused = await balancer.ask();
    expect(refused).toMatchObject({
      status: 429,
      headers: {
        'retry-after': '60',
        'ratelimit-policy': '"default";q=100;w=60',
        ratelimit: '"default";r=0;t=60',
        'cache-control': 'no-store',
      },
    });
    // Another client has a limit of its own.
    expect(await statuses(balancer, 3, { from: '127.0.0.99' })).toEqual({ 200: 3 });
  });

  it('goes on giving a client the limit that asks for twice as much', async () => {
    const balancer = scene.balancer();
    await balancer.start(await spec({ requests: 20, window: '1s' }));
    let passed = 0;
    const answers: Promise<unknown>[] = [];
    const begun = performance.now();
    await waitFor('five windows of forty requests each', () => {
      const due = Math.min(200, Math.floor((performance.now() - begun) / 25));
      while (answers.length < due)
        answers.push(balancer.ask().then(({ status }) => (passed += status === 200 ? 1 : 0)));
      return answers.length === 200;
    });
    await Promise.all(answers);
    // A window that slides lets a little more through at its beginning.
    expect(passed).toBeGreaterThan(70);
    expect(passed).toBeLessThanOrEqual(130);
  });

  it('counts each request of a connection that is kept', async () => {
    const balancer = scene.balancer();
    await balancer.start(await spec({ requests: 3 }));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    scene.after(() => agent.destroy());
    const seen: number[] = [];
    for (let i = 0; i < 5; i++)
      seen.push(
        await new Promise((resolve, reject) => {
          const sent = request({ host: balancer.address, port: 8080, agent }, (response) => {
            response.resume().once('end', () => resolve(response.statusCode ?? 0));
          });
          sent.once('error', reject).end();
        }),
      );
    expect(seen).toEqual([200, 200, 200, 429, 429]);
  });

  it('counts the 64 bits that an IPv6 client has as one, and IPv4 addresses one by one', async () => {
    const balancer = scene.balancer();
    await balancer.start(await spec({ requests: 2 }, { proxyProtocol: {} }));
    const all = async (...clients: string[]) => {
      const seen: string[] = [];
      for (const client of clients) seen.push(statusOf(await proxied(balancer, client)));
      return seen;
    };
    expect(await all('2001:db8:0:1::1', '2001:db8:0:1:ffff::2', '2001:db8:0:1:1:2:3:4')).toEqual([
      '200',
      '200',
      '429',
    ]);
    expect(await all('2001:db8:0:2::1')).toEqual(['200']);
    expect(await all('192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2')).toEqual([
      '200',
      '200',
      '429',
      '200',
    ]);
  });

  it('lets exempt networks be, changes number and exemptions at run time, and forgets no counter', async () => {
    const balancer = scene.balancer();
    const base = await spec({});
    const limited = (requests: number, exempt: string[] = []) => ({
      ...base,
      rateLimit: { requests, exempt },
    });
    await balancer.start(limited(5, ['127.8.0.0/16', '2001:db8::/32']));
    expect(await statuses(balancer, 8)).toEqual({ 200: 5, 429: 3 });
    expect(await statuses(balancer, 8, { from: '127.8.1.1' })).toEqual({ 200: 8 });
    await balancer.runtime(limited(8, ['127.8.0.0/16', '2001:db8::/32']), 'set-rate-limit');
    expect(await statuses(balancer, 5)).toEqual({ 200: 3, 429: 2 });
    expect((await balancer.ask()).headers['ratelimit-policy']).toBe('"default";q=8;w=60');
    await balancer.runtime(limited(2, ['127.8.0.0/16']), 'set-rate-limit');
    expect(await statuses(balancer, 2)).toEqual({ 429: 2 });
    await balancer.runtime(limited(2, ['127.0.0.1']), 'set-rate-limit');
    expect(await statuses(balancer, 4)).toEqual({ 200: 4 });
    expect(await statuses(balancer, 4, { from: '127.8.1.1' })).toEqual({ 200: 2, 429: 2 });
  });

  it('keeps its counters over reloads, right after the start too', async () => {
    const balancer = scene.balancer();
    const base = await spec({ requests: 10 });
    await balancer.start(base);
    expect(await statuses(balancer, 6)).toEqual({ 200: 6 });
    await balancer.reload({ ...base, compression: {} });
    // The new worker gets the tables a moment after it has begun.
    await counted(balancer, 6);
    expect(await statuses(balancer, 6)).toEqual({ 200: 4, 429: 2 });
    await balancer.reload(base);
    await counted(balancer, 10);
    expect(await statuses(balancer, 3)).toEqual({ 429: 3 });
    await balancer.restartAgent();
    expect(await statuses(balancer, 3)).toEqual({ 429: 3 });
  });

  it('by a header does not touch requests without it or with an empty one', async () => {
    const balancer = scene.balancer();
    await balancer.start(await spec({ requests: 2, key: 'header:X-Api-Key' }));
    const withKey = (key: string | string[]) => statuses(balancer, 5, { headers: { 'x-api-key': key } });
    expect(await statuses(balancer, 5)).toEqual({ 200: 5 });
    expect(await withKey('')).toEqual({ 200: 5 });
    expect(await withKey('one')).toEqual({ 200: 2, 429: 3 });
    expect(await withKey('two')).toEqual({ 200: 2, 429: 3 });
    expect(await withKey('a, b')).toEqual({ 200: 2, 429: 3 });
    expect(await withKey('c, b')).toEqual({ 200: 2, 429: 3 });
    // Of two fields a backend may take the one that was not counted.
    const twice =
      'GET / HTTP/1.1\r\nHost: a\r\nX-Api-Key: one\r\nX-Api-Key: other\r\nConnection: close\r\n\r\n';
    expect(await sendRaw(balancer.address, twice)).toMatch(/^HTTP\/1.1 400 /);
    const long = 'k'.repeat(300);
    expect(await withKey(`${long}1`)).toEqual({ 200: 2, 429: 3 });
    expect(await withKey(`${long}2`)).toEqual({ 200: 2, 429: 3 });
    // Values may be secrets: HAProxy does not keep them.
    const [table = ''] = /limit:all:\w+/.exec(await balancer.tell('show table')) ?? [];
    expect(await balancer.tell(`show table ${table}`)).not.toContain('key=one');
  });

  it('by path counts whoever asks', async () => {
    const balancer = scene.balancer();
    await balancer.start(await spec({ requests: 3, key: 'path' }));
    expect(await statuses(balancer, 2, { path: '/login?a=1' })).toEqual({ 200: 2 });
    expect(await statuses(balancer, 2, { path: '/login?b=1', from: '127.0.0.77' })).toEqual({
      200: 1,
      429: 1,
    });
    expect(await statuses(balancer, 2, { path: '/other' })).toEqual({ 200: 2 });
  });

  it('that only observes lets all through and counts', async () => {
    const balancer = scene.balancer();
    await balancer.start(await spec({ requests: 2, action: 'observe' }));
    expect(await statuses(balancer, 5)).toEqual({ 200: 5 });
    const [table = ''] = /limit:all:\w+/.exec(await balancer.tell('show table')) ?? [];
    expect(await balancer.tell(`show table ${table}`)).toMatch(/gpc0=2 .*gpc1=3 /);
  });

  it('answers with the status of the spec, nothing at all, or after a while', async () => {
    const [own, silent, slow] = [scene.balancer(), scene.balancer(), scene.balancer()];
    await own.start(await spec({ requests: 1, status: 503 }));
    expect(await statuses(own, 3)).toEqual({ 200: 1, 503: 2 });
    await own.test.service.remove();
    await silent.start(await spec({ requests: 1, action: 'drop' }));
    expect((await silent.ask()).status).toBe(200);
    await expect(silent.ask({ timeoutMs: 700 })).rejects.toThrow(/no answer|socket hang up|ECONNRESET/);
    await silent.test.service.remove();
    await slow.start(await spec({ requests: 1, action: 'tarpit' }));
    expect((await slow.ask()).status).toBe(200);
    const begun = performance.now();
    expect(await slow.ask()).toMatchObject({ status: 429, headers: { 'retry-after': '60' } });
    expect(performance.now() - begun).toBeGreaterThan(9900);
    expect(performance.now() - begun).toBeLessThan(13_000);
  });
});

describe('a route’s limit', () => {
  it('is one of its own, beside that of the spec', async () => {
    const balancer = scene.balancer();
    const base = await spec({ requests: 12 });
    const routes = (login: number) => [
      { name: 'login', match: { pathPrefix: '/login' }, pool: 'default', rateLimit: { requests: login } },
      {
        name: 'posts',
        match: { method: 'POST' },
        pool: 'default',
        rateLimit: { requests: 2, key: 'header:X-User' },
      },
      { name: 'same', match: { path: '/respond' }, respond: { body: 'hi' }, rateLimit: { requests: 1 } },
    ];
    await balancer.start({ ...base, routes: routes(3) });
    expect(await statuses(balancer, 5, { path: '/login' })).toEqual({ 200: 3, 429: 2 });
    expect(await statuses(balancer, 2, { path: '/respond' })).toEqual({ 200: 1, 429: 1 });
    const post = { method: 'POST', headers: { 'x-user': 'one' } };
    expect(await statuses(balancer, 3, post)).toEqual({ 200: 2, 429: 1 });
    // What a route refused has counted for the whole: 10 so far.
    expect(await statuses(balancer, 4)).toEqual({ 200: 2, 429: 2 });
    const elsewhere = { from: '127.0.0.98' };
    expect(await statuses(balancer, 4, { ...elsewhere, path: '/login' })).toEqual({ 200: 3, 429: 1 });
    await balancer.runtime({ ...base, routes: routes(5) }, 'set-rate-limit');
    expect(await statuses(balancer, 4, { ...elsewhere, path: '/login' })).toEqual({ 200: 2, 429: 2 });
  });
});

describe('a limit of connections', () => {
  it('closes those beyond it at once, at run time and over a reload', async () => {
    const balancer = scene.balancer();
    const backend = await scene.tcpBackend('db');
    const limited = (requests: number, more: object = {}) => ({
      type: 'tcp',
      port: 8080,
      backends: [{ target: backend.target }],
      rateLimit: { requests, ...more },
    });
    await balancer.start(limited(3));
    const connectOnce = async (from = '127.0.0.1') => {
      const stream = await openStream(balancer.address, 8080, from);
      const greeting = await stream.next();
      stream.socket.destroy();
      return greeting;
    };
    const several = async (count: number, from?: string) => {
      const seen: string[] = [];
      for (let i = 0; i < count; i++) seen.push(await connectOnce(from));
      return countOf(seen);
    };
    // The agent's own look whether the port is open came from an address of its own machine as well.
    const client = '127.3.3.3';
    expect(await several(5, client)).toEqual({ 'db\n': 3, '(end)': 2 });
    await balancer.runtime(limited(4), 'set-rate-limit');
    expect(await several(2, client)).toEqual({ 'db\n': 1, '(end)': 1 });
    await balancer.runtime(limited(4, { exempt: [client] }), 'set-rate-limit');
    expect(await several(2, client)).toEqual({ 'db\n': 2 });
    await balancer.runtime(limited(4), 'set-rate-limit');
    await balancer.reload({ ...limited(4), maxConnections: 100 });
    await waitFor('the counters', async () => (await tableOf(balancer)).includes('gpc0=4'));
    expect(await several(2, client)).toEqual({ '(end)': 2 });
    expect(await several(1, '127.3.3.4')).toEqual({ 'db\n': 1 });
  });
});

async function tableOf(balancer: Balancer): Promise<string> {
  const [table = ''] = /limit:all:\w+/.exec(await balancer.tell('show table')) ?? [];
  return balancer.tell(`show table ${table}`);
}

/** Waits until the worker knows of so many requests that were let through. */
function counted(balancer: Balancer, count: number): Promise<unknown> {
  return waitFor(`${count} counted`, async () => (await tableOf(balancer)).includes(`gpc0=${count} `));
}
