import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type TLSSocket, connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { selfSigned } from '../../../test/support/certificate.ts';
import { createScene, openStream, sendRaw } from '../../../test/support/scene.ts';
import { freePort } from '../../../test/support/temporary.ts';
import { waitFor } from '../../../test/support/wait.ts';

const scene = await createScene();

/** A TLS server that greets with its name and the name that it was asked for. */
async function tlsBackend(name: string): Promise<string> {
  const { cert, key } = selfSigned(scene.directory, name);
  const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(`${name} asked for ${socket.servername || 'nothing'}`);
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scene.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What a TLS client gets that asks for that name. */
function greeting(host: string, servername: string | undefined, port = 8443): Promise<string> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connectTls({
      socket: connect(port, host),
      rejectUnauthorized: false,
      ...(servername === undefined ? {} : { servername }),
    });
    let all = '';
    socket.on('data', (chunk) => (all += String(chunk)));
    socket.once('error', () => resolve('(error)'));
    socket.once('close', () => resolve(all));
  });
}

describe('ports', () => {
  it('are all listened on, one by one and in ranges, and change with a reload', async () => {
    const { start, reload, address, runtime } = scene.balancer();
    const [one, two] = [await scene.tcpBackend('one'), await scene.tcpBackend('two')];
    const spec = (...ports: string[]) => ({
      type: 'tcp',
      port: 7000,
      ports,
      backends: [{ target: one.target }],
    });
    const greetings = (...ports: number[]) =>
      Promise.all(
        ports.map(async (port) => {
          const stream = await openStream(address, port).catch(() => undefined);
          const first = await stream?.next();
          stream?.socket.destroy();
          return first ?? 'refused';
        }),
      );
    await start(spec('7010-7012', '7020'));
    expect(await greetings(7000, 7010, 7011, 7012, 7020, 7013)).toEqual([
      ...Array.from({ length: 5 }, () => 'one\n'),
      'refused',
    ]);
    await reload(spec('7011-7013'));
    expect(await greetings(7000, 7011, 7012, 7013, 7010, 7020)).toEqual([
      ...Array.from({ length: 4 }, () => 'one\n'),
      'refused',
      'refused',
    ]);
    await runtime({ ...spec('7011-7013'), backends: [{ target: two.target }] }, 'add-backend');
    await waitFor('the other', async () => (await greetings(7013))[0] === 'two\n');
  });

  it('of every address show each client by its own', async () => {
    const { start, test } = scene.balancer();
    const backend = await scene.tcpBackend('any');
    const port = await freePort('0.0.0.0');
    test.desired = { ...test.desired, address: '*' };
    await start({ type: 'tcp', port, backends: [{ target: backend.target, sendProxy: 'v1' }] });
    // The backend sends back what it got.
    const echoed = async (host: string) => {
      const stream = await openStream(host, port);
      stream.socket.write('x');
      let all = '';
      await waitFor('the echo', async () => (all += await stream.next()).endsWith('x'));
      stream.socket.destroy();
      return all;
    };
    expect(await echoed('127.0.0.1')).toMatch(/PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nx$/);
    if (Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1')))
      expect(await echoed('::1')).toMatch(/PROXY TCP6 ::1 ::1 \d+ \d+\r\nx$/);
  });
});

describe('TLS that goes through', () => {
  const passthrough = async () => {
    const names = ['mail', 'wild', 'default'];
    const [mail, wild, fallback] = await Promise.all(names.map(tlsBackend));
    return {
      type: 'tcp',
      port: 8443,
      tls: { mode: 'passthrough' },
      backends: [{ target: fallback }],
      pools: { mail: { backends: [{ target: mail }] }, wild: { backends: [{ target: wild }] } },
      routes: [
        { match: { host: 'mail.example.com' }, pool: 'mail' },
        { match: { host: '*.example.com' }, pool: 'wild' },
      ] as object[],
    };
  };

  it('goes by the name that is asked for, and the backend ends it', async () => {
    const { start, address } = scene.balancer();
    await start(await passthrough());
    const all = await Promise.all(
      ['mail.example.com', 'MAIL.example.com', 'x.example.com', 'x.y.example.com', undefined].map((name) =>
        greeting(address, name),
      ),
    );
    expect(all).toEqual([
      'mail asked for mail.example.com',
      'mail asked for MAIL.example.com',
      'wild asked for x.example.com',
      'default asked for x.y.example.com',
      'default asked for nothing',
    ]);
  });

  it('goes elsewhere at run time', async () => {
    const { start, runtime, address } = scene.balancer();
    const spec = await passthrough();
    await start(spec);
    await runtime(
      { ...spec, routes: [...spec.routes, { match: { host: ['a.test', '*.a.test'] }, pool: 'mail' }] },
      'set-routes',
    );
    expect(await greeting(address, 'a.test')).toMatch(/^mail /);
    expect(await greeting(address, 'b.a.test')).toMatch(/^mail /);
    await runtime({ ...spec, routes: [{ match: { host: 'mail.example.com' }, pool: 'wild' }] }, 'set-routes');
    expect(await greeting(address, 'mail.example.com')).toMatch(/^wild /);
    expect(await greeting(address, 'x.example.com')).toMatch(/^default /);
    expect(await greeting(address, 'a.test')).toMatch(/^default /);
  });

  it('refuses at once what is no TLS, and lets a slow client finish what it says', async () => {
    const { start, address } = scene.balancer();
    await start(await passthrough());
    const begun = performance.now();
    expect(await sendRaw(address, 'GET / HTTP/1.1\r\n\r\n', { port: 8443 })).toBe('');
    expect(performance.now() - begun).toBeLessThan(2000);
    // A hello that comes in pieces.
    const hello = await clientHello('mail.example.com');
    const stream = await openStream(address, 8443);
    stream.socket.setNoDelay(true);
    stream.socket.write(hello.subarray(0, 20));
    await new Promise((resolve) => setImmediate(resolve));
    stream.socket.write(hello.subarray(20));
    // A TLS server's answer is a handshake record.
    expect((await stream.next()).charCodeAt(0)).toBe(0x16);
    stream.socket.destroy();
  });

  it('is open to what names no server when every check of the default pool fails', async () => {
    const { start, address, test } = scene.balancer();
    const spec = await passthrough();
    const [{ target } = { target: '' }] = spec.backends as { target: string }[];
    // Nobody listens on the port that is checked.
    const port = await freePort();
    await start({
      ...spec,
      failOpen: true,
      healthCheck: { port, interval: '200ms', fall: 1 },
    });
    await waitFor('down', () => test.backendState(target) === 'down');
    expect(await greeting(address, undefined)).toBe('default asked for nothing');
    expect(await greeting(address, 'other.test')).toBe('default asked for other.test');
  });
});

/** The first bytes of a TLS client. */
function clientHello(servername: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const server = createServer((socket) =>
      socket.once('data', (bytes) => {
        resolve(bytes);
        socket.destroy();
        server.close();
      }),
    );
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      connectTls({ host: '127.0.0.1', port, servername }).on('error', () => {});
    });
  });
}

describe('TLS that ends here', () => {
  it('is plain to backends, and routes go by the name that is asked for', async () => {
    const { start, runtime, address } = scene.balancer();
    const [one, two] = [await scene.tcpBackend('one'), await scene.tcpBackend('two')];
    const spec = {
      type: 'tcp',
      port: 8443,
      tls: {},
      backends: [{ target: one.target }],
      pools: { two: { backends: [{ target: two.target }] } },
      routes: [{ match: { host: ['two.test', '*.two.test'] }, pool: 'two' }],
    };
    const first = (servername: string | undefined) =>
      new Promise<string>((resolve) => {
        const socket = connectTls({
          socket: connect(8443, address),
          rejectUnauthorized: false,
          ...(servername === undefined ? {} : { servername }),
        });
        socket.once('data', (bytes) => {
          resolve(String(bytes));
          socket.destroy();
        });
        socket.once('error', () => resolve('(error)'));
      });
    await start(spec);
    expect(await first('two.test')).toBe('two\n');
    expect(await first('X.two.test')).toBe('two\n');
    expect(await first('other.test')).toBe('one\n');
    expect(await first(undefined)).toBe('one\n');
    await runtime({ ...spec, routes: [{ match: { host: 'other.test' }, pool: 'two' }] }, 'set-routes');
    expect(await first('other.test')).toBe('two\n');
    expect(await first('two.test')).toBe('one\n');
  });
});
