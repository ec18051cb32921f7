import { gunzipSync } from 'node:zlib';
import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { createScene, openStream, sendRaw } from '../../../test/support/scene.ts';
import { waitFor } from '../../../test/support/wait.ts';

const scene = await createScene();

async function http(more: object = {}) {
  const backend = await scene.backend('web');
  return { type: 'http', port: 8080, backends: [{ target: backend.target }], ...more };
}

/** What a client gets that a proxy says is at that address. */
async function statusFor(address: string, client: string): Promise<string> {
  const [family, to] = client.includes(':') ? ['TCP6', '2001:db8::1'] : ['TCP4', '192.0.2.1'];
  const answer = await sendRaw(
    address,
    `PROXY ${family} ${client} ${to} 4000 80\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  );
  return answer.slice(9, 12);
}

describe('access', () => {
  it('is by address, IPv4 and IPv6, and changes at run time', async () => {
    const { start, runtime, address } = scene.balancer();
    const base = await http({ proxyProtocol: {} });
    const access = (allow: string[], deny: string[]) => ({ ...base, access: { allow, deny } });
    const seen = async (...clients: string[]) =>
      Promise.all(clients.map((client) => statusFor(address, client)));
    const clients = ['192.0.2.7', '198.51.100.7', '2001:db8:1::7', '2001:db8:2::7'];
    await start(base);
    expect(await seen(...clients)).toEqual(['200', '200', '200', '200']);
    await runtime(access([], ['192.0.2.0/24', '2001:db8:1::/48']), 'set-access');
    expect(await seen(...clients)).toEqual(['403', '200', '403', '200']);
    await runtime(access(['192.0.2.0/24', '2001:db8:1::/48'], []), 'set-access');
    expect(await seen(...clients)).toEqual(['200', '403', '200', '403']);
    await runtime(access(['192.0.2.0/24', '2001:db8::/32'], ['192.0.2.7', '2001:db8:2::/48']), 'set-access');
    expect(await seen(...clients)).toEqual(['403', '403', '200', '403']);
    await runtime(access(['0.0.0.0/0'], []), 'set-access');
    expect(await seen(...clients)).toEqual(['200', '200', '403', '403']);
    await runtime(base, 'set-access');
    expect(await seen(...clients)).toEqual(['200', '200', '200', '200']);
  });

  it('ends the connections of TCP clients that may not come in', async () => {
    const { start, runtime, address } = scene.balancer();
    const backend = await scene.tcpBackend('db');
    const base = { type: 'tcp', port: 8080, backends: [{ target: backend.target }] };
    const greeting = async (from: string) => {
      const stream = await openStream(address, 8080, from);
      const first = await stream.next();
      stream.socket.destroy();
      return first;
    };
    await start({ ...base, access: { deny: ['127.4.4.4'] } });
    expect(await greeting('127.4.4.4')).toBe('(end)');
    expect(await greeting('127.4.4.5')).toBe('db\n');
    await runtime({ ...base, access: { allow: ['127.4.4.4/32'] } }, 'set-access');
    expect(await greeting('127.4.4.4')).toBe('db\n');
    expect(await greeting('127.4.4.5')).toBe('(end)');
  });
});

describe('maintenance', () => {
  it('goes on and off at run time, with its own page, but for those who are exempt', async () => {
    const { start, runtime, ask } = scene.balancer();
    const base = await http();
    const body = '<h1>Back at 12:00</h1>\n<p>100% "sure", it\'s %[src]</p>\n';
    const maintenance = (enabled: boolean, exempt: string[] = []) => ({
      ...base,
      maintenance: { enabled, exempt, body, status: 502, retryAfter: '10m', contentType: 'text/html' },
    });
    await start(maintenance(false));
    expect(await ask()).toMatchObject({ status: 200, body: 'web' });
    await runtime(maintenance(true), 'set-maintenance');
    expect(await ask()).toMatchObject({
      status: 502,
      body,
      headers: { 'retry-after': '600', 'content-type': 'text/html', 'cache-control': 'no-store' },
    });
    await runtime(maintenance(true, ['127.2.2.0/24']), 'set-maintenance');
    expect(await ask({ from: '127.2.2.2' })).toMatchObject({ status: 200 });
    expect(await ask({ from: '127.2.3.2' })).toMatchObject({ status: 502 });
    await runtime(maintenance(false), 'set-maintenance');
    expect(await ask()).toMatchObject({ status: 200 });
  });

  it('with an empty page and of TCP', async () => {
    const empty = scene.balancer();
    await empty.start(await http({ maintenance: { body: '' } }));
    expect(await empty.ask()).toMatchObject({ status: 503, body: '' });
    await empty.test.service.remove();
    const { start, runtime, address } = scene.balancer();
    const backend = await scene.tcpBackend('db');
    const base = { type: 'tcp', port: 8080, backends: [{ target: backend.target }] };
    await start({ ...base, maintenance: { enabled: false } });
    const held = await openStream(address);
    expect(await held.next()).toBe('db\n');
    await runtime({ ...base, maintenance: { exempt: ['127.2.2.2'] } }, 'set-maintenance');
    expect(await (await openStream(address)).rest()).toBe('');
    const exempt = await openStream(address, 8080, '127.2.2.2');
    expect(await exempt.next()).toBe('db\n');
    exempt.socket.destroy();
    // What was open goes on.
    held.socket.write('still here');
    expect(await held.next()).toBe('still here');
    held.socket.destroy();
  });
});

describe('compression', () => {
  it('is for the types of the spec and for clients that take it', async () => {
    const { start, address } = scene.balancer();
    const text = 'hello '.repeat(500);
    const backend = await scene.backend({
      name: 'web',
      handle(incoming, response) {
        response.setHeader('content-type', (incoming.headers['x-type'] as string) ?? 'text/plain');
        response.end(text);
      },
    });
    await start({
      type: 'http',
      port: 8080,
      backends: [{ target: backend.target }],
      compression: { types: ['text/plain', 'application/json'] },
    });
    const get = (headers: Record<string, string>) =>
      new Promise<{ encoding: string | undefined; vary: string | undefined; body: Buffer }>(
        (resolve, reject) => {
          const sent = request({ host: address, port: 8080, headers, agent: false }, (response) => {
            buffer(response).then(
              (body) =>
                resolve({
                  encoding: response.headers['content-encoding'],
                  vary: response.headers.vary,
                  body,
                }),
              reject,
            );
          });
          sent.once('error', reject).end();
        },
      );
    const zipped = await get({ 'accept-encoding': 'gzip, br' });
    expect(zipped).toMatchObject({ encoding: 'gzip', vary: 'Accept-Encoding' });
    expect(zipped.body.length).toBeLessThan(500);
    expect(gunzipSync(zipped.body).toString()).toBe(text);
    expect(
      (await get({ 'accept-encoding': 'gzip', 'x-type': 'application/json; charset=utf-8' })).encoding,
    ).toBe('gzip');
    expect((await get({})).body.toString()).toBe(text);
    expect((await get({ 'accept-encoding': 'gzip', 'x-type': 'image/png' })).encoding).toBeUndefined();
  });
});

describe('limits of time and number', () => {
  it('lets so many connections in at once, and further ones as those end', async () => {
    const { start, address } = scene.balancer();
    const backend = await scene.tcpBackend('db');
    await start({ type: 'tcp', port: 8080, maxConnections: 2, backends: [{ target: backend.target }] });
    const [one, two] = [await openStream(address), await openStream(address)];
    expect([await one.next(), await two.next()]).toEqual(['db\n', 'db\n']);
    const three = await openStream(address);
    const greeting = three.next();
    let isIn = false;
    void greeting.then(() => (isIn = true));
    two.socket.write('x');
    expect(await two.next()).toBe('x');
    expect(isIn).toBe(false);
    one.socket.destroy();
    expect(await greeting).toBe('db\n');
    two.socket.destroy();
    three.socket.destroy();
  });

  it('gives up on backends and clients that are silent', async () => {
    const { start, ask, address } = scene.balancer();
    const backend = await scene.backend({ name: 'mute', handle: () => {} });
    const base = { type: 'http', port: 8080, backends: [{ target: backend.target }] };
    await start({ ...base, timeouts: { server: '300ms', request: '300ms', keepAlive: '300ms' } });
    expect(await ask()).toMatchObject({ status: 504 });
    expect(backend.requests.length).toBe(1);
    expect((await sendRaw(address, 'GET / HTTP/1.1\r\nHost: x\r\n')).slice(9, 12)).toBe('408');
  });

  it('ends TCP connections on which nothing is said', async () => {
    const { start, address } = scene.balancer();
    const backend = await scene.tcpBackend('db');
    await start({
      type: 'tcp',
      port: 8080,
      backends: [{ target: backend.target }],
      timeouts: { client: '300ms', server: '300ms' },
    });
    expect(await (await openStream(address)).rest()).toBe('db\n');
  });

  it('gives up on a queue', async () => {
    const { start, ask } = scene.balancer();
    const backend = await scene.backend({
      name: 'slow',
      handle: (_request, response) => void setTimeout(() => response.end('slow'), 1500),
    });
    await start({
      type: 'http',
      port: 8080,
      backends: [{ target: backend.target, maxConnections: 1 }],
      timeouts: { queue: '300ms' },
    });
    const first = ask();
    await waitFor('the first', () => backend.requests.length === 1);
    expect(await ask()).toMatchObject({ status: 503 });
    expect(await first).toMatchObject({ status: 200 });
  });
});
