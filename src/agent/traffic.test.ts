import { createHash, randomBytes } from 'node:crypto';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend, startTcpBackend } from '../../test/support/backends.ts';
import { startLoad } from '../../test/support/load.ts';
import { type TestService, createTestService } from '../../test/support/service.ts';
import { loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { waitFor } from '../../test/support/wait.ts';

const directory = await temporaryDirectory();
const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});
afterAll(() => directory.remove());

function create(): { test: TestService; address: string; url: string } {
  const address = loopbackAddress();
  const test = createTestService(directory.path, address);
  cleanups.push(() => test.service.remove());
  return { test, address, url: `http://${address}:8080/` };
}

async function backend(options: Parameters<typeof startBackend>[0]): Promise<TestBackend> {
  const started = await startBackend(options);
  cleanups.push(() => started.stop());
  return started;
}

const ask = async (url: string, headers: Record<string, string> = {}) =>
  (await fetch(url, { headers: { connection: 'close', ...headers } })).text();

const isUp = (test: TestService, ...targets: string[]) =>
  waitFor('all up', () => targets.every((target) => test.backendState(target) === 'up'));

describe('connections that last', () => {
  it('a websocket goes through, and lives on over runtime changes and reloads', async () => {
    const { test, address } = create();
    const one = await startWebSocketBackend();
    const two = await backend({ name: 'two' });
    const spec = { type: 'http', port: 8080, backends: [{ target: one.target }] };
    await test.set(spec);
    await isUp(test, one.target);
    const client = await openWebSocket(address, 8080);
    expect(await client.echo('before')).toBe('before');
    expect((await test.set({ ...spec, backends: [...spec.backends, { target: two.target }] })).path).toBe(
      'runtime',
    );
    expect(await client.echo('after a backend came')).toBe('after a backend came');
    expect((await test.set({ ...spec, algorithm: 'leastconn' })).path).toBe('reload');
    expect(await client.echo('after a reload')).toBe('after a reload');
    client.close();
  });

  it('a TCP stream lives on over runtime changes, its own backend’s removal and reloads', async () => {
    const { test, address } = create();
    const one = await startTcpBackend('one');
    const two = await startTcpBackend('two');
    cleanups.push(
      () => one.stop(),
      () => two.stop(),
    );
    const spec = { type: 'tcp', port: 8080, backends: [{ target: one.target }] };
    await test.set(spec);
    await isUp(test, one.target);
    const stream = await openStream(address, 8080);
    expect(await stream.next()).toBe('one\n');
    await test.set({ ...spec, backends: [{ target: two.target }] });
    stream.socket.write('still there?');
    expect(await stream.next()).toBe('still there?');
    expect(
      (await test.set({ ...spec, backends: [{ target: two.target }], algorithm: 'leastconn' })).path,
    ).toBe('reload');
    stream.socket.write('and now?');
    expect(await stream.next()).toBe('and now?');
    stream.socket.destroy();
  });
});

describe('choosing a backend', () => {
  it('a backup takes traffic only while the others are down', async () => {
    const { test, url } = create();
    const main = await backend({ name: 'main' });
    const spare = await backend({ name: 'spare' });
    await test.set({
      type: 'http',
      port: 8080,
      backends: [{ target: main.target }, { target: spare.target, backup: true }],
      healthCheck: { path: '/health', interval: '500ms' },
    });
    await isUp(test, main.target, spare.target);
    for (let i = 0; i < 5; i++) expect(await ask(url)).toBe('main');
    main.health.status = 500;
    await waitFor('the spare', async () => (await ask(url)) === 'spare');
    main.health.status = 200;
    await waitFor('the main one', async () => (await ask(url)) === 'main');
  });

  it('a header’s value keeps to its backend, and most keep theirs when another comes', async () => {
    const { test, url } = create();
    const three = await Promise.all(['a', 'b', 'c'].map((name) => backend({ name })));
    const fourth = await backend({ name: 'd' });
    const spec = {
      type: 'http',
      port: 8080,
      algorithm: 'header:X-Tenant',
      backends: three.map(({ target }) => ({ target })),
    };
    await test.set(spec);
    await isUp(test, ...three.map(({ target }) => target));
    const tenants = Array.from({ length: 60 }, (_, index) => `tenant-${index}`);
    const places = () => Promise.all(tenants.map((tenant) => ask(url, { 'x-tenant': tenant })));
    const before = await places();
    expect(await places()).toEqual(before);
    expect(new Set(before).size).toBe(3);
    expect((await test.set({ ...spec, backends: [...spec.backends, { target: fourth.target }] })).path).toBe(
      'runtime',
    );
    await isUp(test, fourth.target);
    const after = await places();
    const moved = after.filter((name, index) => name !== before[index]);
    expect(moved.every((name) => name === 'd')).toBe(true);
    expect(moved.length).toBeLessThan(30);
  });

  it('a backend that drains gets no new request and is told to drain', async () => {
    const { test, url } = create();
    const [one, two] = [await backend({ name: 'one' }), await backend({ name: 'two' })];
    const spec = { type: 'http', port: 8080, backends: [{ target: one.target }, { target: two.target }] };
    await test.set(spec);
    await isUp(test, one.target, two.target);
    const receipt = await test.set({
      ...spec,
      backends: [{ target: one.target, drain: true }, { target: two.target }],
    });
    expect(receipt).toMatchObject({ path: 'runtime', steps: [{ action: 'drain-backend' }] });
    for (let i = 0; i < 6; i++) expect(await ask(url)).toBe('two');
    await waitFor('draining', () => test.backendState(one.target) === 'draining');
    await test.set(spec);
    await waitFor('one again', async () => (await ask(url)) === 'one');
  });

  it('a backend’s connection limit makes further requests wait, at run time too', async () => {
    const { test, url } = create();
    let present = 0;
    let most = 0;
    const slow = await backend({
      name: 'slow',
      handle(_request, response) {
        most = Math.max(most, ++present);
        setTimeout(() => {
          present -= 1;
          response.end('slow');
        }, 50);
      },
    });
    const spec = { type: 'http', port: 8080, backends: [{ target: slow.target }] };
    await test.set(spec);
    await isUp(test, slow.target);
    const limited = await test.set({ ...spec, backends: [{ target: slow.target, maxConnections: 2 }] });
    expect(limited).toMatchObject({ path: 'runtime', steps: [{ action: 'set-max-connections' }] });
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(url)));
    expect(answers).toEqual(Array.from({ length: 8 }, () => 'slow'));
    expect(most).toBe(2);
    await test.set(spec);
    await Promise.all(Array.from({ length: 8 }, () => ask(url)));
    expect(most).toBeGreaterThan(2);
  });

  it('taking a connection limit away lets those that wait go at once', async () => {
    const { test, url } = create();
    const slow = await backend({
      name: 'slow',
      handle: (_request, response) => void setTimeout(() => response.end('slow'), 200),
    });
    await test.set({ type: 'http', port: 8080, backends: [{ target: slow.target, maxConnections: 1 }] });
    await isUp(test, slow.target);
    const begun = performance.now();
    const answers = Promise.all(Array.from({ length: 20 }, () => ask(url)));
    await waitFor('the first', () => slow.requests.length > 0);
    const receipt = await test.set({ type: 'http', port: 8080, backends: [{ target: slow.target }] });
    expect(receipt).toMatchObject({ outcome: 'applied', path: 'runtime' });
    expect(await answers).toEqual(Array.from({ length: 20 }, () => 'slow'));
    // One by one they would take four seconds, and stuck in the queue thirty.
    expect(performance.now() - begun).toBeLessThan(3000);
  });
});

describe('a backend that closes connections', () => {
  it('costs no request that is safe to repeat, and no other is repeated', async () => {
    const { test, url } = create();
    const hasty = await backend({
      name: 'hasty',
      handle(request, response) {
        // Every tenth connection ends shortly after an answer, just as HAProxy may be sending the next request on it.
        const isLast = hasty.requests.length % 10 === 0;
        response.end('hasty', () => isLast && setTimeout(() => request.socket.end(), Math.random() * 3));
      },
    });
    await test.set({ type: 'http', port: 8080, backends: [{ target: hasty.target }] });
    await isUp(test, hasty.target);
    const load = startLoad(url);
    await waitFor('many requests', () => hasty.requests.length > 1000);
    expect(await load.stop()).toMatchObject({ failed: 0, faults: [] });
  });

  it('does not get a POST twice', async () => {
    const { test, url } = create();
    const rude = await backend({ name: 'rude', handle: (request) => void request.socket.destroy() });
    await test.set({ type: 'http', port: 8080, backends: [{ target: rude.target }] });
    await isUp(test, rude.target);
    expect((await fetch(url, { method: 'POST', body: 'order' })).status).toBe(502);
    expect(rude.requests.length).toBe(1);
  });
});

describe('a backend that moves', () => {
  it('is served at its old address until the new one has passed its first check', async () => {
    const { test, url } = create();
    const old = await backend({ name: 'old', host: '127.0.0.21' });
    const fresh = await backend({ name: 'fresh', host: '127.0.0.22', port: old.port });
    fresh.health = { status: 503, body: 'starting' };
    const at = (address: string) => ({
      ...test.desired.vpc,
      hosts: [{ name: 'web-1', addresses: [address] }],
    });
    test.desired = { ...test.desired, vpc: at('127.0.0.21') };
    const target = `web-1:${old.port}`;
    await test.set({
      type: 'http',
      port: 8080,
      backends: [{ target }],
      healthCheck: { path: '/health', interval: '1s' },
    });
    await isUp(test, target);
    test.desired = { ...test.desired, vpc: at('127.0.0.22') };
    test.service.want(test.desired);
    await waitFor('a verdict', () => test.backendState(target) === 'down');
    expect(fresh.requests).toEqual([]);
    fresh.health = { status: 200, body: 'ok' };
    await waitFor('fresh', async () => (await ask(url)) === 'fresh');
  });
});

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Accepts the upgrade of RFC 6455 and sends every byte back; the frames themselves are nothing to a proxy. */
async function startWebSocketBackend(): Promise<{ target: string }> {
  const { createServer } = await import('node:http');
  const server = createServer((_request, response) => response.end('no websocket'));
  const sockets = new Set<Socket>();
  server.on('upgrade', (request, socket: Socket) => {
    sockets.add(socket);
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}${WEBSOCKET_GUID}`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { target: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function openWebSocket(host: string, port: number) {
  const stream = await openStream(host, port);
  const key = randomBytes(16).toString('base64');
  stream.socket.write(
    `GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  expect(await stream.next()).toMatch(/^HTTP\/1.1 101 /);
  return {
    echo(text: string) {
      stream.socket.write(text);
      return stream.next();
    },
    close: () => stream.socket.destroy(),
  };
}

/** A connection whose next bytes can be waited for. */
async function openStream(host: string, port: number) {
  const socket = connect(port, host);
  const chunks = socket.setEncoding('utf8')[Symbol.asyncIterator]();
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return {
    socket,
    async next(): Promise<string> {
      const { value, done } = await chunks.next();
      return done ? '(end)' : String(value);
    },
  };
}
