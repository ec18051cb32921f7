import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend, startTcpBackend } from '../../../test/support/backends.ts';
import { type TestService, createTestService } from '../../../test/support/service.ts';
import { loopbackAddress, temporaryDirectory } from '../../../test/support/temporary.ts';
import { waitFor } from '../../../test/support/wait.ts';
import type { AnswerTo, ServiceQuestion } from '../../api/agent-questions.ts';
import type { Workers } from '../../api/stats.ts';
import { isRunning } from '../../host/processes.ts';

const directory = await temporaryDirectory();
const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});
afterAll(() => directory.remove());

let ids = 0;

/** Each has files of its own: what one has counted must not be the next one's. */
function create(): { test: TestService; address: string; url: string; again(): TestService } {
  const address = loopbackAddress();
  ids += 1;
  const id = `lb_${String(ids).padStart(26, '0')}`;
  const start = (revision: number) => {
    const test = createTestService(directory.path, address, { id, revision });
    cleanups.push(() => test.service.remove());
    return test;
  };
  const test = start(0);
  const again = () => {
    cleanups.splice(0, cleanups.length - 1);
    const next = start(test.desired.revision);
    next.desired = test.desired;
    next.service.want(test.desired);
    return next;
  };
  return { test, address, url: `http://${address}:8080`, again };
}

async function backend(options: Parameters<typeof startBackend>[0]): Promise<TestBackend> {
  const started = await startBackend(options);
  cleanups.push(() => started.stop());
  return started;
}

async function ask<Q extends ServiceQuestion>(test: TestService, question: Q): Promise<AnswerTo<Q['kind']>> {
  const answer = await test.service.answer(question);
  if (answer.kind !== question.kind) throw new Error(JSON.stringify(answer));
  return answer as AnswerTo<Q['kind']>;
}
const stats = (test: TestService) => ask(test, { kind: 'stats' });
const workers = (test: TestService): Promise<Workers> => ask(test, { kind: 'workers' });
const requestsOf = async (test: TestService) => (await stats(test)).total.totals.requests;

async function get(url: string, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) await (await fetch(url, { headers: { connection: 'close' } })).text();
}

const SPEC = { type: 'http', port: 8080, healthCheck: { path: '/health', interval: '1s' } };

/** Does not answer before it is told to. */
function holdingBackend(): Promise<TestBackend & { release(): void }> {
  const waiting: (() => void)[] = [];
  return backend({
    name: 'holding',
    handle(incoming, response) {
      if (!incoming.url?.startsWith('/hold')) return response.end('ok');
      response.write('begun');
      waiting.push(() => response.end('done'));
    },
  }).then((started) =>
    Object.assign(started, { release: () => waiting.splice(0).forEach((answer) => answer()) }),
  );
}

describe('what is counted', () => {
  it('adds up over reloads, old workers that go on, and an agent that starts again', async () => {
    const { test, url, again } = create();
    const held = await holdingBackend();
    const spec = { ...SPEC, backends: [{ target: held.target }] };
    await test.set(spec);
    await waitFor('up', () => test.backendState(held.target) === 'up');
    await get(url, 7);
    const open = fetch(`${url}/hold`).then((response) => response.text());
    await waitFor('the held request', () => held.requests.some(({ path }) => path === '/hold'));
    expect((await test.set({ ...spec, algorithm: 'leastconn' })).path).toBe('reload');
    await waitFor('up', () => test.backendState(held.target) === 'up');
    await get(url, 5);
    await waitFor('13 requests', async () => (await requestsOf(test)) === 13);
    const { old, serving } = await waitFor('the ledger', async () => {
      const seen = await workers(test);
      return seen.old[0]?.held.length ? seen : undefined;
    });
    expect(old).toMatchObject([
      { connections: 1, replacedBy: 2, held: [{ pool: 'default', target: held.target, connections: 1 }] },
    ]);
    expect(serving?.pid).toBe(test.report().haproxy?.workerPid);
    held.release();
    expect(await open).toBe('begundone');
    await waitFor('the old worker to end', async () => (await workers(test)).old.length === 0);
    expect(isRunning(old[0]?.pid ?? 0)).toBe(false);
    const answered = await stats(test);
    expect(answered.total.totals).toMatchObject({ requests: 13, responses: { '2xx': 13, '5xx': 0 } });
    expect(answered.pools[0]?.backends[0]?.totals.requests).toBe(13);
    await test.service.detach();
    const next = again();
    await waitFor('up', () => next.backendState(held.target) === 'up');
    await get(url, 2);
    await waitFor('15 requests', async () => (await requestsOf(next)) === 15);
  });

  it('goes on by the master with a worker that was old before the agent began', async () => {
    const { test, url, again } = create();
    const held = await holdingBackend();
    const spec = { ...SPEC, backends: [{ target: held.target }] };
    await test.set(spec);
    await waitFor('up', () => test.backendState(held.target) === 'up');
    await get(url, 3);
    const open = fetch(`${url}/hold`).then((response) => response.text());
    await waitFor('the held request', () => held.requests.some(({ path }) => path === '/hold'));
    await test.set({ ...spec, algorithm: 'leastconn' });
    await waitFor('the ledger', async () => (await workers(test)).old.length === 1);
    await test.service.detach();
    const next = again();
    const [old] = await waitFor('the ledger', async () => {
      const seen = await workers(next);
      return seen.old[0]?.held.length === 1 && seen.old;
    });
    expect(old).toMatchObject({ connections: 1, held: [{ target: held.target, connections: 1 }] });
    expect(old).not.toHaveProperty('replacedAt');
    expect(await requestsOf(next)).toBe(4);
    held.release();
    expect(await open).toBe('begundone');
    await waitFor('the old worker to end', async () => (await workers(next)).old.length === 0);
    expect(isRunning(old?.pid ?? 0)).toBe(false);
    expect(await requestsOf(next)).toBe(4);
  });

  it('never goes back when HAProxy is killed, nor when a backend is taken away and added again', async () => {
    const { test, url } = create();
    const [one, two] = [await backend({ name: 'one' }), await backend({ name: 'two' })];
    const spec = { ...SPEC, backends: [{ target: one.target }, { target: two.target }] };
    await test.set(spec);
    await waitFor('up', () => [one, two].every(({ target }) => test.backendState(target) === 'up'));
    await get(url, 6);
    await waitFor('6 requests', async () => (await requestsOf(test)) === 6);
    const { workerPid = 0 } = test.report().haproxy ?? {};
    process.kill(workerPid, 'SIGKILL');
    await waitFor('another worker', () => (test.report().haproxy?.workerPid ?? workerPid) !== workerPid);
    await waitFor('up', () => [one, two].every(({ target }) => test.backendState(target) === 'up'));
    await get(url, 4);
    await waitFor('10 requests', async () => (await requestsOf(test)) === 10);
    const before = await stats(test);
    await test.set({ ...spec, backends: [{ target: one.target }] });
    await get(url, 1);
    await waitFor('two has gone', async () => (await stats(test)).pools[0]?.backends.length === 1);
    await test.set(spec);
    await waitFor('two again', () => test.backendState(two.target) === 'up');
    await waitFor('11 requests', async () => (await requestsOf(test)) === 11);
    const countOf = (answer: AnswerTo<'stats'>) =>
      answer.pools[0]?.backends.find(({ target }) => target === two.target)?.totals.requests ?? 0;
    expect(countOf(await stats(test))).toBeGreaterThanOrEqual(countOf(before));
    expect(countOf(before)).toBe(5);
  });

  it('tells rates, states and percentiles, and what is on disk in the report', async () => {
    const { test, url } = create();
    const one = await backend({
      name: 'one',
      handle: (incoming, response) => {
        response.statusCode = incoming.url === '/missing' ? 404 : 200;
        response.end('x'.repeat(100));
      },
    });
    await test.set({ ...SPEC, backends: [{ target: one.target }] });
    await waitFor('up', () => test.backendState(one.target) === 'up');
    await waitFor('a look', async () => (await stats(test)).total.totals.requests === 0);
    await get(url, 20);
    await get(`${url}/missing`, 5);
    const seen = await waitFor('rates', async () => {
      const answer = await stats(test);
      return answer.total.totals.requests === 25 ? answer : undefined;
    });
    expect(seen.total.perSecond.requests).toBeGreaterThan(0);
    expect(seen.pools[0]?.perSecond.responses['4xx']).toBeGreaterThan(0);
    expect(seen.pools[0]).toMatchObject({ name: 'default', totals: { responses: { '2xx': 20, '4xx': 5 } } });
    expect(seen.pools[0]?.backends[0]).toMatchObject({ target: one.target, state: 'up' });
    expect(seen.pools[0]?.averageMs?.total).toBeGreaterThanOrEqual(0);
    await waitFor('percentiles', async () => {
      const { percentilesMs } = (await stats(test)).total;
      return percentilesMs?.requests === 25 && percentilesMs.p50 <= percentilesMs.p99;
    });
    await test.service.detach();
    expect(test.report().traffic?.totals.requests).toBe(25);
  });

  it('counts TCP connections and their bytes', async () => {
    const { test, address } = create();
    const echo = await startTcpBackend('one');
    cleanups.push(() => echo.stop());
    await test.set({ type: 'tcp', port: 8080, backends: [{ target: echo.target }] });
    await waitFor('up', () => test.backendState(echo.target) === 'up');
    // The agent itself has looked whether the port is open.
    const before = await waitFor('a look', async () => (await stats(test)).total.totals);
    const socket = connect(8080, address);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.end('hello');
    await new Promise((resolve) => socket.once('close', resolve));
    const { total } = await waitFor('a connection', async () => {
      const answer = await stats(test);
      return answer.total.totals.bytesIn > before.bytesIn ? answer : undefined;
    });
    expect(total.totals.bytesIn - before.bytesIn).toBe(5);
    expect(total.totals.requests).toBeGreaterThan(0);
    expect(total.percentilesMs).toBeUndefined();
    const { lines } = await ask(test, { kind: 'logs', filter: {}, limit: 10 });
    expect(lines).toMatchObject([{ pool: 'default', backend: echo.target, bytesIn: 5, termination: '--' }]);
    expect(lines[0]).not.toHaveProperty('status');
  });
});

describe('the access log', () => {
  const logs = (test: TestService, filter: Record<string, string> = {}, limit = 100) =>
    ask(test, { kind: 'logs', filter, limit });

  it('tells each request, whatever bytes it is made of', async () => {
    const { test, address, url } = create();
    const one = await backend({ name: 'one' });
    await test.set({
      ...SPEC,
      backends: [{ target: one.target }],
      routes: [{ name: 'gone', match: { pathPrefix: '/old' }, respond: { status: 410 } }],
    });
    await waitFor('up', () => test.backendState(one.target) === 'up');
    await get(`${url}/a/b?c=1&d="`);
    await get(`${url}/old/x`);
    const latin = (text: string) => Buffer.from(text, 'latin1');
    const hostile = [
      latin(
        'GET /q"\\{}[]<>|^`?"\\u0000=" HTTP/1.1\r\nHost: h"\\\x01\x7f\xff\xc3\r\nX-Request-ID: "\\\t\x1b[0m\xed\xa0\x80\xc0\x80\r\n',
      ),
      latin(`GET /${'"'.repeat(9000)} HTTP/1.1\r\nHost: h\r\n`),
      latin(`GET /long-id HTTP/1.1\r\nHost: ${'\\'.repeat(900)}\r\nX-Request-ID: ${'\x01'.repeat(900)}\r\n`),
      Buffer.from(`GET /utf-8 HTTP/1.1\r\nHost: h\r\nX-Request-ID: x${'é'.repeat(100)}\r\n`),
      latin("G!#$%&'*+-.^_`|~ET /method HTTP/1.1\r\nHost: h\r\n"),
      latin('OPTIONS * HTTP/1.1\r\nHost: h\r\n'),
      latin('GET http://other.example/absolute HTTP/1.1\r\nHost: other.example\r\n'),
      latin('NO HTTP AT ALL\r\n'),
      latin('GET /raw\xff\xfe HTTP/1.1\r\nHost: h\r\n'),
    ];
    for (const head of hostile)
      await exchange(address, Buffer.concat([head, latin('Connection: close\r\n\r\n')]));
    const { lines } = await waitFor('all lines', async () => {
      const answer = await logs(test);
      return answer.lines.length === 2 + hostile.length ? answer : undefined;
    });
    const byPath = (path: string) => lines.find((line) => line.path === path);
    expect(byPath('/a/b')).toMatchObject({
      client: expect.stringMatching(/^127\./),
      host: address,
      method: 'GET',
      query: 'c=1&d=%22',
      status: 200,
      pool: 'default',
      backend: one.target,
      milliseconds: { queue: 0, total: expect.any(Number) },
      termination: '--',
      requestId: expect.stringMatching(/^(?!0{8})[0-9a-f]{8}-[0-9a-f]{4}-\d+$/),
      protocol: 'HTTP/1.1',
      retries: 0,
    });
    expect(byPath('/old/x')).toMatchObject({ status: 410, route: 'gone' });
    expect(byPath('/old/x')).not.toHaveProperty('backend');
    expect(byPath('/old/x')).not.toHaveProperty('pool');
    expect(byPath('/q"\\{}[]<>|^`')).toMatchObject({
      query: '"\\u0000="',
      host: expect.stringContaining('h"\\'),
    });
    expect(byPath('/absolute')).toBeDefined();
    expect(byPath('/long-id')?.requestId).toHaveLength(128);
    expect(lines.filter(({ status }) => status === 400).length).toBeGreaterThanOrEqual(2);
    const sent = one.requests.find(({ path }) => path === '/a/b?c=1&d=%22')?.headers['x-request-id'];
    expect(byPath('/a/b')?.requestId).toBe(sent);
  });

  it('is filtered by status, pool, backend, path, method and client, and tells the newest', async () => {
    const { test, url } = create();
    const one = await backend({
      name: 'one',
      handle: (incoming, response) => {
        response.statusCode = Number(incoming.url?.slice(-3)) || 200;
        response.end();
      },
    });
    await test.set({ ...SPEC, backends: [{ target: one.target }] });
    await waitFor('up', () => test.backendState(one.target) === 'up');
    for (const path of ['/a/200', '/b/404', '/b/503', '/b/201']) await get(url + path);
    const paths = async (filter: Record<string, string>, limit?: number) =>
      (await logs(test, filter, limit)).lines.map(({ path }) => path);
    await waitFor('all', async () => (await paths({})).length === 4);
    expect(await paths({ status: '5xx' })).toEqual(['/b/503']);
    expect(await paths({ status: '404,500-599' })).toEqual(['/b/404', '/b/503']);
    expect(await paths({ path: '/a' })).toEqual(['/a/200']);
    expect(await paths({ method: 'post' })).toEqual([]);
    expect(await paths({ pool: 'default', backend: one.target }, 2)).toEqual(['/b/503', '/b/201']);
    expect(await paths({ backend: '10.0.0.1:80' })).toEqual([]);
    expect(await paths({ client: '192.0.2.1' })).toEqual([]);
    const last = (await logs(test)).lines.at(-1)?.time ?? '';
    const since = await ask(test, { kind: 'logs', filter: {}, limit: 9, since: Date.parse(last) + 1 });
    expect(since.lines).toEqual([]);
  });

  it('is followed over a reload: no line is lost, none comes twice, and no worker is kept alive', async () => {
    const { test, url } = create();
    const held = await holdingBackend();
    const spec = { ...SPEC, backends: [{ target: held.target }] };
    await test.set(spec);
    await waitFor('up', () => test.backendState(held.target) === 'up');
    await get(`${url}/before`);
    const seen: string[] = [];
    let cursor: string | undefined;
    const read = async (waitMs: number) => {
      const follow = { waitMs, ...(cursor === undefined ? {} : { cursor }) };
      const page = await ask(test, { kind: 'logs', filter: {}, limit: 100, follow });
      cursor = page.cursor;
      expect(page.missed).toBe(0);
      seen.push(...page.lines.map(({ path }) => path ?? ''));
    };
    await waitFor('the first line', async () => {
      await read(0);
      return seen.includes('/before');
    });
    const waiting = read(10_000);
    await get(`${url}/while-waiting`);
    await waiting;
    const open = fetch(`${url}/hold`).then((response) => response.text());
    await waitFor('the held request', () => held.requests.some(({ path }) => path === '/hold'));
    // Whoever waits while HAProxy reloads hears of the new worker's requests as they come.
    const begun = performance.now();
    const over = read(10_000);
    await test.set({ ...spec, algorithm: 'leastconn' });
    await waitFor('the new worker', async () => (await workers(test)).old.length === 1);
    const [old] = (await workers(test)).old;
    await get(`${url}/after`);
    await over;
    expect(performance.now() - begun).toBeLessThan(8000);
    expect(seen).toContain('/after');
    held.release();
    await open;
    await waitFor('the old worker to end', () => !isRunning(old?.pid ?? 0));
    await waitFor('all lines', async () => {
      await read(100);
      return seen.length >= 4;
    });
    expect(seen.toSorted()).toEqual(['/after', '/before', '/hold', '/while-waiting']);
    // The ring of the old worker has gone with it, but not what it held.
    const kept = (await logs(test)).lines.map(({ path }) => path ?? '');
    expect(kept.toSorted()).toEqual(seen.toSorted());
  });
});

describe('rate limits', () => {
  it('tell who is denied', async () => {
    const { test, url } = create();
    const one = await backend({ name: 'one' });
    await test.set({
      ...SPEC,
      backends: [{ target: one.target }],
      rateLimit: { requests: 3, window: '60s', key: 'header:X-Api-Key' },
    });
    await waitFor('up', () => test.backendState(one.target) === 'up');
    const agent = new Agent();
    const as = (key: string) =>
      new Promise<number>((resolve) =>
        request(url, { agent, headers: { 'x-api-key': key } }, (response) => {
          response.resume().once('end', () => resolve(response.statusCode ?? 0));
        }).end(),
      );
    for (let i = 0; i < 5; i++) expect(await as('greedy')).toBe(i < 3 ? 200 : 429);
    expect(await as('modest')).toBe(200);
    const { limits } = await ask(test, { kind: 'rate-limits', keys: 10 });
    expect(limits).toMatchObject([
      {
        name: 'all',
        requests: 3,
        window: '60s',
        clients: 2,
        isComplete: true,
        keys: [
          { admitted: 3, denied: 2, admittedTotal: 3, deniedTotal: 2 },
          { admitted: 1, denied: 0 },
        ],
      },
    ]);
  });
});

/** Sends bytes as they are and waits for the end of what comes back. */
function exchange(address: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(8080, address);
    socket.resume();
    socket.once('close', () => resolve());
    socket.once('error', () => resolve());
    socket.write(bytes);
  });
}
