import { readFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { selfSigned } from '../../../test/support/certificate.ts';
import { type Balancer, countOf, createScene, sendRaw } from '../../../test/support/scene.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { cookieOf } from '../../haproxy/config/sticky.ts';

const scene = await createScene();
const certificate = selfSigned(scene.directory, 'backend.test');
const TLS = { ca: readFileSync(certificate.cert, 'utf8'), serverName: 'backend.test' };

/** A backend that speaks TLS and says who it is. */
async function tlsBackend(name: string): Promise<{ name: string; target: string }> {
  const options = { cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) };
  const server = createHttpsServer(options, (request, response) =>
    response.end(request.url?.startsWith('/host') ? request.headers.host : name),
  );
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scene.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { name, target: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Who answers a client that is bound to that backend. */
async function boundTo({ test, ask }: Balancer, pool: string, target: string): Promise<string> {
  const cookie = `SERVERID=${cookieOf(test.desired, pool, target)}`;
  return (await ask({ path: `/${pool}`, headers: { cookie } })).body;
}

/** Who answers clients that are new: from several addresses, for several paths and tenants. */
async function newClients({ ask }: Balancer, pool: string, count = 40): Promise<Record<string, number>> {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      ask({ path: `/${pool}/${i}`, from: `127.3.${i}.1`, headers: { 'x-tenant': String(i) } }),
    ),
  );
  const bodies = answers.map(({ status, body }) => (status === 200 ? body : String(status)));
  return countOf(bodies);
}

const CHECK = { interval: '3s', timeout: '2900ms' };
/** Another pool with that CA: HAProxy reads a CA with a configuration, and forgets it with its last backend. */
const keep = { backends: [{ target: '127.0.0.1:9', tls: TLS }] };
/** So high that a hash places clients evenly. */
const WEIGHT = 16;

describe('backends with TLS, stickiness and fail-open', () => {
  it.each([
    ['default', 'roundrobin'],
    ['default', 'leastconn'],
    ['default', 'random'],
    ['default', 'first'],
    ['default', 'source'],
    ['default', 'uri'],
    ['default', 'header:X-Tenant'],
    ['api', 'roundrobin'],
    ['api', 'source'],
  ])('come, weigh, drain and go without a reload: pool %s, %s', async (pool, algorithm) => {
    const balancer = scene.balancer();
    const [a, b, c] = [await tlsBackend('a'), await tlsBackend('b'), await tlsBackend('c')];
    const spec = (...backends: object[]) => {
      const fields = {
        algorithm,
        sticky: { mode: 'cookie' },
        failOpen: true,
        healthCheck: CHECK,
        backends: backends.map((backend) => ({ tls: TLS, weight: WEIGHT, ...backend })),
      };
      return {
        type: 'http',
        port: 8080,
        routes: [{ match: { pathPrefix: '/api' }, pool: 'api' }],
        ...(pool === 'default' ? { ...fields, pools: { api: {}, keep } } : { pools: { api: fields, keep } }),
      };
    };
    const two = [{ target: a.target }, { target: b.target }];
    const three = [...two, { target: c.target }];
    const bound = ({ name, target }: { name: string; target: string }) =>
      waitFor(`${name} for its clients`, async () => (await boundTo(balancer, pool, target)) === name);
    await balancer.start(spec(...two));
    await bound(a);
    await bound(b);

    await balancer.runtime(spec(...three), 'add-backend');
    await bound(c);
    if (algorithm !== 'first') expect(Object.keys(await newClients(balancer, pool))).toContain('c');

    await balancer.runtime(spec({ target: a.target, weight: 0 }, ...three.slice(1)), 'drain-backend');
    expect(await newClients(balancer, pool)).not.toHaveProperty('a');
    await bound(a);

    await balancer.runtime(spec({ target: a.target, weight: 256 }, ...three.slice(1)), 'enable-backend');
    const shares = await newClients(balancer, pool);
    // Enough to be seen wherever weights count; `leastconn` has nothing to compare while nobody stays.
    if (algorithm !== 'leastconn') expect(shares['a']).toBeGreaterThan(25);

    await balancer.runtime(
      spec({ target: a.target, weight: 5, maxConnections: 7 }, ...three.slice(1)),
      'set-weight',
    );
    await balancer.runtime(
      spec({ target: a.target, weight: 5, drain: true }, ...three.slice(1)),
      'drain-backend',
    );
    expect(await newClients(balancer, pool)).not.toHaveProperty('a');
    await balancer.runtime(spec(...three), 'enable-backend');
    expect(await newClients(balancer, pool)).toHaveProperty('a');

    await balancer.runtime(spec(...two), 'remove-backend');
    expect(await newClients(balancer, pool)).not.toHaveProperty('c');
    expect(await boundTo(balancer, pool, c.target)).not.toBe('c');
    await balancer.runtime(spec(...two.slice(0, 1)), 'remove-backend');
    await balancer.runtime(spec(...two), 'add-backend');
    await bound(a);
    await bound(b);
  });
});

describe('a load balancer with all that there is', () => {
  async function full() {
    const [main, api, canary] = [
      await scene.backend('main'),
      await scene.backend('api'),
      await scene.backend('canary'),
    ];
    return {
      type: 'http',
      port: 8080,
      backends: [{ target: main.target }] as object[],
      sticky: { mode: 'cookie' } as object,
      failOpen: true,
      slowStart: '10s',
      rateLimit: { requests: 3, key: 'header:X-Key', exempt: [] as string[] },
      access: { allow: [] as string[], deny: [] as string[] },
      proxyProtocol: { from: ['127.1.1.1'] },
      maintenance: { enabled: false, exempt: [] as string[] },
      compression: {},
      headers: { response: { set: { 'X-A': 'b' } } },
      pools: {
        api: { backends: [{ target: api.target }], sticky: { mode: 'source-ip' } },
        canary: { backends: [{ target: canary.target }], algorithm: 'leastconn' },
      },
      routes: [
        { match: { host: 'old.test' }, redirect: { host: 'new.test' } },
        { match: { method: 'DELETE' }, respond: { status: 405 } },
        {
          match: { host: 'split.test' },
          split: [
            { pool: 'api', weight: 1 },
            { pool: 'canary', weight: 0 },
          ],
        },
        { match: { pathPrefix: '/login' }, pool: 'api', rateLimit: { requests: 1, exempt: [] as string[] } },
      ] as { match: object; [field: string]: unknown }[],
    };
  }
  type Full = Awaited<ReturnType<typeof full>>;
  const bodyOf = async ({ ask }: Balancer, options: object) => (await ask(options)).body;
  const statusOf = async ({ ask }: Balancer, options: object) => (await ask(options)).status;
  const key = { headers: { 'x-key': 'k' } };

  const cases: [
    what: string,
    change: (spec: Full) => object,
    action: Parameters<Balancer['runtime']>[1],
    before: unknown,
    after: unknown,
    look: (balancer: Balancer) => Promise<unknown>,
  ][] = [
    [
      'a network that may not come in',
      (spec) => ({ access: { ...spec.access, deny: ['127.7.0.0/16'] } }),
      'set-access',
      200,
      403,
      (balancer) => statusOf(balancer, { from: '127.7.7.7' }),
    ],
    [
      'networks that alone may come in',
      (spec) => ({ access: { ...spec.access, allow: ['127.0.0.0/24'] } }),
      'set-access',
      200,
      403,
      (balancer) => statusOf(balancer, { from: '127.7.7.7' }),
    ],
    [
      'a host’s pool',
      (spec) => ({ routes: [...spec.routes, { match: { host: 'canary.test' }, pool: 'canary' }] }),
      'set-routes',
      'main',
      'canary',
      (balancer) => bodyOf(balancer, { host: 'canary.test' }),
    ],
    [
      'a path’s pool',
      (spec) => ({ routes: [...spec.routes, { match: { pathPrefix: '/canary' }, pool: 'canary' }] }),
      'set-routes',
      'main',
      'canary',
      (balancer) => bodyOf(balancer, { path: '/canary/x' }),
    ],
    [
      'where a redirect leads',
      (spec) => ({
        routes: [{ match: { host: 'old.test' }, redirect: { host: 'newer.test' } }, ...spec.routes.slice(1)],
      }),
      'set-routes',
      'http://new.test/x',
      'http://newer.test/x',
      async ({ ask }) => (await ask({ host: 'old.test', path: '/x' })).headers.location,
    ],
    [
      'the shares of a split',
      (spec) => ({
        routes: spec.routes.map((route) =>
          'split' in route
            ? {
                ...route,
                split: [
                  { pool: 'api', weight: 0 },
                  { pool: 'canary', weight: 1 },
                ],
              }
            : route,
        ),
      }),
      'set-routes',
      'api',
      'canary',
      (balancer) => bodyOf(balancer, { host: 'split.test' }),
    ],
    [
      'the number of a rate limit',
      (spec) => ({ rateLimit: { ...spec.rateLimit, requests: 5 } }),
      'set-rate-limit',
      { 200: 3, 429: 1 },
      { 200: 2, 429: 2 },
      async (balancer) => {
        const statuses: string[] = [];
        for (let i = 0; i < 4; i++) statuses.push(String(await statusOf(balancer, key)));
        return countOf(statuses);
      },
    ],
    [
      'who is exempt from a rate limit',
      (spec) => ({ rateLimit: { ...spec.rateLimit, exempt: ['127.0.0.1'] } }),
      'set-rate-limit',
      { 200: 3, 429: 1 },
      { 200: 4 },
      async (balancer) => {
        const statuses: string[] = [];
        for (let i = 0; i < 4; i++) statuses.push(String(await statusOf(balancer, key)));
        return countOf(statuses);
      },
    ],
    [
      'the number of a route’s limit',
      (spec) => ({
        routes: spec.routes.map((route) =>
          'rateLimit' in route ? { ...route, rateLimit: { requests: 3 } } : route,
        ),
      }),
      'set-rate-limit',
      [200, 429],
      [200, 200],
      async (balancer) => [
        await statusOf(balancer, { path: '/login' }),
        await statusOf(balancer, { path: '/login' }),
      ],
    ],
    [
      'that maintenance is on',
      (spec) => ({ maintenance: { ...spec.maintenance, enabled: true } }),
      'set-maintenance',
      200,
      503,
      (balancer) => statusOf(balancer, {}),
    ],
    [
      'whose connections begin with a PROXY header',
      () => ({ proxyProtocol: { from: ['127.1.1.2'] } }),
      'set-proxy-protocol',
      '400',
      '200',
      async ({ address }) =>
        (
          await sendRaw(
            address,
            'PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
            { from: '127.1.1.2' },
          )
        ).slice(9, 12),
    ],
  ];

  it.each(cases)('changes at run time: %s', async (_, change, action, before, after, look) => {
    const balancer = scene.balancer();
    const spec = await full();
    await balancer.start(spec);
    expect(await look(balancer)).toEqual(before);
    await balancer.runtime({ ...spec, ...change(spec) }, action);
    expect(await look(balancer)).toEqual(after);
    // What the agent reads back from HAProxy is what it wants: nothing is done again.
    await balancer.restartAgent();
    const pid = await balancer.workerPid();
    expect(await balancer.test.set({ ...spec, ...change(spec) })).toMatchObject({ path: 'none' });
    expect(await balancer.workerPid()).toBe(pid);
  });

  it('changes at run time: the address of a backend, in the section that stands in too', async () => {
    const balancer = scene.balancer();
    const spec = await full();
    const old = await scene.backend({ name: 'old', host: '127.0.0.31' });
    const fresh = await scene.backend({ name: 'fresh', host: '127.0.0.32', port: old.port });
    const at = (address: string) => ({
      ...balancer.test.desired.vpc,
      hosts: [{ name: 'web-1', addresses: [address] }],
    });
    balancer.test.desired = { ...balancer.test.desired, vpc: at('127.0.0.31') };
    const full1 = { ...spec, backends: [{ target: `web-1:${old.port}` }] };
    await balancer.start(full1);
    const pid = await balancer.workerPid();
    expect((await balancer.ask()).body).toBe('old');
    balancer.test.desired = { ...balancer.test.desired, vpc: at('127.0.0.32') };
    await balancer.test.set(full1);
    await waitFor('the new address', async () => (await balancer.ask()).body === 'fresh');
    expect(await balancer.tell('show servers conn default:fail-open')).toContain('127.0.0.32');
    expect(await balancer.workerPid()).toBe(pid);
    expect(fresh.requests.length).toBeGreaterThan(0);
  });
});
