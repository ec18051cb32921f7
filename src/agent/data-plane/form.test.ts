import { connect as connectHttp2 } from 'node:http2';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { PORT, createScene, sendRaw } from '../../../test/support/scene.ts';

const scene = await createScene();

/** Everything is refused by a route for all; whoever gets to the backend has passed it by. */
async function closed(more: object = {}) {
  const backend = await scene.backend('reached');
  const balancer = scene.balancer();
  await balancer.start({
    type: 'http',
    port: PORT,
    backends: [{ target: backend.target }],
    routes: [{ match: {}, respond: { status: 403 } }],
    ...more,
  });
  return { ...balancer, backend };
}

/** Asks by HTTP/2 without TLS; undefined when that is not spoken there. */
function askHttp2(address: string, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${address}:${PORT}`);
    const done = (status?: number) => {
      session.destroy();
      resolve(status);
    };
    session.once('error', () => done());
    const stream = session.request({ ':path': path, ':authority': 'c.test' });
    stream.once('error', () => done());
    stream.once('response', (headers) => done(headers[':status']));
    stream.once('close', () => done());
  });
}

describe('the form of a request', () => {
  it('leads past no route: neither without a path, nor with a star, nor by CONNECT', async () => {
    const { address, backend, ask } = await closed();
    expect((await ask()).status).toBe(403);
    const lines = [
      'GET http://y.test HTTP/1.1',
      'POST http://y.test HTTP/1.1',
      'GET * HTTP/1.1',
      'OPTIONS * HTTP/1.1',
      'CONNECT y.test:80 HTTP/1.1',
    ];
    for (const line of lines) {
      const host = line.startsWith('CONNECT') ? 'y.test:80' : 'y.test';
      const answer = await sendRaw(address, `${line}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(answer, line).toMatch(/^HTTP\/1.1 400 /);
    }
    expect(await askHttp2(address, '/')).toBe(403);
    expect(await askHttp2(address, '*')).toBe(400);
    const whole = 'GET http://y.test/ HTTP/1.1\r\nHost: y.test\r\nConnection: close\r\n\r\n';
    expect(await sendRaw(address, whole)).toMatch(/^HTTP\/1.1 403 /);
    expect(backend.requests).toEqual([]);
  });

  it('turns no connection into HTTP/2 that no rule sees, and into something else as before', async () => {
    const seen: string[] = [];
    const server = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .on('data', (data) => {
          seen.push(data.toString());
          const upgrade = /^upgrade: (.*)$/im.exec(data.toString())?.[1];
          const head = upgrade
            ? `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`
            : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
          socket.end(head);
        }),
    ).listen(0, '127.0.0.1');
    scene.after(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const at = server.address();
    const port = typeof at === 'object' ? at?.port : undefined;
    const balancer = scene.balancer();
    const backends = [{ target: `127.0.0.1:${port}` }];
    await balancer.start({ type: 'http', port: PORT, backends, healthCheck: { type: 'tcp' } });
    const upgrade = (to: string, more = '') =>
      sendRaw(
        balancer.address,
        `GET / HTTP/1.1\r\nHost: a.test\r\nConnection: ${more}Upgrade, HTTP2-Settings\r\nUpgrade: ${to}\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
      );
    for (const to of ['h2c', 'H2C', 'h2c, foo'])
      expect(await upgrade(to, 'close, '), to).toMatch(/^HTTP\/1.1 200 /);
    expect(seen.join('')).not.toMatch(/^upgrade:/im);
    expect(await upgrade('other')).toMatch(/^HTTP\/1.1 101 /);
  });

  it('is HTTP/2 only where that is wanted, whatever a client begins with', async () => {
    const { address } = await closed({ http2: false });
    expect(await askHttp2(address, '/')).toBeUndefined();
  });

  it('names a host that is one, so that no route for it is passed by', async () => {
    const backend = await scene.backend('reached');
    const { start, address } = scene.balancer();
    await start({
      type: 'http',
      port: PORT,
      backends: [{ target: backend.target }],
      routes: [
        { match: { host: 'a.test', pathPrefix: '/admin' }, respond: { status: 403 } },
        { match: {}, pool: 'default' },
      ],
    });
    const statusOf = async (host: string) =>
      (await sendRaw(address, `GET /admin HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).slice(
        9,
        12,
      );
    for (const host of ['a.test', 'A.test.:80', 'a.test:80.']) expect(await statusOf(host), host).toBe('403');
    for (const host of ['a.test:80:80', '[a.test]', '[a.test]:80'])
      expect(await statusOf(host), host).toBe('400');
    for (const host of ['b.test', '[2001:db8::1]:80', '192.0.2.1'])
      expect(await statusOf(host), host).toBe('200');
  });
});
