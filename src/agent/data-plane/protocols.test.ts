import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import http2 from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import {
  type AddressInfo,
  type Server,
  type Socket,
  connect,
  createServer as createTcpServer,
} from 'node:net';
import { text } from 'node:stream/consumers';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { selfSigned } from '../../../test/support/certificate.ts';
import { createScene, openStream, sendRaw } from '../../../test/support/scene.ts';
import { waitFor } from '../../../test/support/wait.ts';

const scene = await createScene();

function listen(server: Server, host = '127.0.0.1'): Promise<string> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  };
  server.on('connection', keep);
  scene.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new Promise((resolve) =>
    server.listen(0, host, () => resolve(`${host}:${(server.address() as AddressInfo).port}`)),
  );
}

interface Http2Answer {
  headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  trailers: http2.IncomingHttpHeaders;
  body: string;
}

/** A client that speaks HTTP/2 to the TLS port. */
function http2Client(address: string) {
  const session = http2.connect(`https://${address}`, {
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
    servername: 'app.test',
  });
  session.on('error', () => {});
  scene.after(() => session.destroy());
  return {
    session,
    async ask(headers: http2.OutgoingHttpHeaders, body?: string, trailers?: http2.OutgoingHttpHeaders) {
      const stream = session.request(headers, { endStream: body === undefined, waitForTrailers: true });
      const answer: Http2Answer = { headers: {}, trailers: {}, body: '' };
      stream.once('response', (got) => (answer.headers = got));
      stream.once('trailers', (got) => (answer.trailers = got));
      stream.once('wantTrailers', () => stream.sendTrailers(trailers ?? {}));
      if (body !== undefined) stream.end(body);
      answer.body = await text(stream);
      return answer;
    },
  };
}

describe('HTTP/2', () => {
  it('is spoken with clients over TLS, routes and headers included', async () => {
    const { start, address } = scene.balancer();
    const [one, two] = [await scene.backend('one'), await scene.backend('two')];
    await start({
      type: 'http',
      port: 8080,
      backends: [{ target: one.target }],
      pools: { two: { backends: [{ target: two.target }] } },
      sticky: { mode: 'cookie' },
      routes: [{ match: { host: 'two.test', pathPrefix: '/api' }, pool: 'two' }],
    });
    const { ask, session } = http2Client(address);
    const first = await ask({ ':path': '/', ':authority': 'one.test' });
    expect(first).toMatchObject({ headers: { ':status': 200 }, body: 'one' });
    // Over TLS the cookie is for TLS alone.
    expect(first.headers['set-cookie']?.[0]).toMatch(/; Secure$/);
    expect(one.requests[0]?.headers).toMatchObject({
      host: 'one.test',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '443',
    });
    expect(session.alpnProtocol).toBe('h2');
    const many = await Promise.all(
      Array.from({ length: 50 }, () => ask({ ':path': '/api/x', ':authority': 'TWO.test:443' })),
    );
    expect(new Set(many.map(({ body }) => body))).toEqual(new Set(['two']));
  });

  it('is not offered when the spec says so', async () => {
    const { start, address } = scene.balancer();
    const backend = await scene.backend('web');
    await start({ type: 'http', port: 8080, http2: false, backends: [{ target: backend.target }] });
    const socket = connectTls({
      host: address,
      port: 443,
      ALPNProtocols: ['h2', 'http/1.1'],
      rejectUnauthorized: false,
    });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  it.each([['from the start'], ['added at run time']])(
    'is spoken with a backend %s, trailers too (gRPC)',
    async (when) => {
      const { start, runtime, address } = scene.balancer();
      const backend = http2.createServer();
      const seen: { version: string; te: unknown; path: unknown; trailers: unknown }[] = [];
      backend.on('stream', (stream, headers) => {
        void text(stream).then((body) => {
          stream.respond(
            { ':status': 200, 'content-type': 'application/grpc+proto' },
            { waitForTrailers: true },
          );
          stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'ok' }));
          stream.end(`echo:${body}`);
        });
        stream.once('trailers', (got) => (last.trailers = got));
        const last = {
          version: '2',
          te: headers['te'],
          path: headers[':path'],
          trailers: undefined as unknown,
        };
        seen.push(last);
      });
      const target = await listen(backend);
      const spec = {
        type: 'http',
        port: 8080,
        pools: { grpc: { protocol: 'http2', backends: [] as object[] } },
        routes: [{ match: { pathPrefix: '/shop.Cart' }, pool: 'grpc' }],
      };
      const full = { ...spec, pools: { grpc: { protocol: 'http2', backends: [{ target }] } } };
      if (when === 'from the start') await start(full);
      else {
        await start(spec);
        await runtime(full, 'add-backend');
      }
      const { ask } = http2Client(address);
      const answer = await ask(
        {
          ':path': '/shop.Cart/Get',
          ':method': 'POST',
          ':authority': 'grpc.test',
          'content-type': 'application/grpc+proto',
          te: 'trailers',
        },
        'message',
        { 'x-client-trailer': 'yes' },
      );
      expect(answer).toMatchObject({
        headers: { ':status': 200, 'content-type': 'application/grpc+proto' },
        trailers: { 'grpc-status': '0', 'grpc-message': 'ok' },
        body: 'echo:message',
      });
      expect(seen).toMatchObject([{ te: 'trailers', path: '/shop.Cart/Get' }]);
      // A stream that goes on in both directions.
      const { session } = http2Client(address);
      const stream = session.request({ ':path': '/shop.Cart/Watch', ':method': 'POST', te: 'trailers' });
      stream.write('part');
      stream.end(' two');
      expect(await text(stream)).toBe('echo:part two');
    },
  );

  it('with a backend is checked over HTTP/2 as well', async () => {
    const { start, ask, runtime } = scene.balancer();
    const checks: string[] = [];
    const create = async (name: string) => {
      const server = http2.createServer();
      server.on('stream', (stream, headers) => {
        if (headers['user-agent'] === 'agentmetal-health-check') checks.push(name);
        stream.respond({ ':status': 200 });
        stream.end(name);
      });
      return listen(server);
    };
    const [one, two] = [await create('one'), await create('two')];
    const spec = (...targets: string[]) => ({
      type: 'http',
      port: 8080,
      protocol: 'http2',
      healthCheck: { path: '/health', interval: '200ms', fall: 1 },
      backends: targets.map((target) => ({ target })),
    });
    await start(spec(one));
    expect(await ask()).toMatchObject({ status: 200, body: 'one' });
    await runtime(spec(one, two), 'add-backend');
    await waitFor('both', async () => (await ask()).body === 'two');
    checks.length = 0;
    await waitFor('checks of both', () => checks.includes('one') && checks.includes('two'));
    expect(await ask()).toMatchObject({ status: 200 });
  });
});

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

describe('a websocket', () => {
  it('goes by routes like any request, with its path rewritten, and lives over a reload', async () => {
    const { start, reload, address } = scene.balancer();
    const server = createServer((_request, response) => response.end('no websocket'));
    const paths: string[] = [];
    server.on('upgrade', (request, socket: Socket) => {
      paths.push(request.url ?? '');
      const accept = createHash('sha1')
        .update(`${request.headers['sec-websocket-key']}${WEBSOCKET_GUID}`)
        .digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      socket.pipe(socket);
    });
    const target = await listen(server);
    const spec = {
      type: 'http',
      port: 8080,
      headers: { response: { set: { 'X-Frame-Options': 'DENY' } } },
      compression: {},
      pools: { chat: { backends: [{ target }], sticky: { mode: 'cookie' } } },
      routes: [
        { match: { host: 'chat.test', pathPrefix: '/ws' }, pool: 'chat', rewrite: { pathPrefix: '/' } },
      ],
    };
    await start(spec);
    const stream = await openStream(address);
    stream.socket.write(
      `GET /ws/room HTTP/1.1\r\nHost: chat.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    expect(await stream.next()).toMatch(/^HTTP\/1.1 101 /);
    expect(paths).toEqual(['/room']);
    stream.socket.write('one');
    expect(await stream.next()).toBe('one');
    await reload({ ...spec, algorithm: 'leastconn' });
    stream.socket.write('two');
    expect(await stream.next()).toBe('two');
    stream.socket.destroy();
    const refused = await sendRaw(
      address,
      'GET /ws HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n',
    );
    expect(refused.slice(9, 12)).toBe('404');
  });
});

describe('TLS to backends', () => {
  const good = selfSigned(scene.directory, 'good.test');
  const evil = selfSigned(scene.directory, 'evil.test');
  const ca = readFileSync(good.cert, 'utf8');

  async function tlsBackend(name: string, files: { cert: string; key: string }) {
    const seen: { servername: string | false | null | undefined }[] = [];
    const server = createHttpsServer(
      { cert: readFileSync(files.cert), key: readFileSync(files.key) },
      (request, response) => {
        if (request.headers['user-agent'] !== 'agentmetal-health-check')
          seen.push({ servername: (request.socket as TLSSocket).servername });
        response.end(name);
      },
    );
    server.on('tlsClientError', () => {});
    return { target: await listen(server), seen };
  }

  it.each([
    ['a port', { type: 'tcp', interval: '1s', timeout: '900ms', rise: 1 }],
    ['HTTP', { type: 'http', path: '/health', interval: '1s', timeout: '900ms', rise: 1 }],
  ])(
    'asks for the name, and serves only whom the CA vouches for by it (check: %s)',
    async (_, healthCheck) => {
      const { start, runtime, ask, test, reload } = scene.balancer();
      const right = await tlsBackend('right', good);
      const wrong = await tlsBackend('wrong', evil);
      const misnamed = await tlsBackend('misnamed', good);
      const tls = { ca, serverName: 'good.test' };
      const spec = (...backends: object[]) => ({ type: 'http', port: 8080, healthCheck, backends });
      const verdicts = () =>
        waitFor('one up and two down', () => {
          const states = [right, wrong, misnamed].map(({ target }) => test.backendState(target));
          return states.join(' ') === 'up down down';
        });
      const onlyRight = async () => {
        for (let i = 0; i < 6; i++) expect(await ask()).toMatchObject({ status: 200, body: 'right' });
      };
      const all = [
        { target: right.target, tls },
        { target: wrong.target, tls },
        { target: misnamed.target, tls: { ...tls, serverName: 'other.test' } },
      ];
      await start(spec(...all));
      await verdicts();
      await onlyRight();
      expect(right.seen[0]).toEqual({ servername: 'good.test' });
      expect(wrong.seen.length + misnamed.seen.length).toBe(0);
      // The same with servers that come at run time; the CA has been read.
      await reload({ ...spec({ target: right.target, tls }), algorithm: 'leastconn' });
      await runtime({ ...spec(...all), algorithm: 'leastconn' }, 'add-backend');
      await verdicts();
      await onlyRight();
      // And the right one too.
      await runtime({ ...spec(all[1]!, all[2]!), algorithm: 'leastconn' }, 'remove-backend');
      expect((await ask()).status).toBe(503);
      await runtime({ ...spec(...all), algorithm: 'leastconn' }, 'add-backend');
      await onlyRight();
      expect(wrong.seen.length + misnamed.seen.length).toBe(0);
    },
  );

  it('trusts what the machine trusts by default, and anybody when it is not to verify', async () => {
    const { start, runtime, ask, test } = scene.balancer();
    const unknown = await tlsBackend('unknown', good);
    const spec = (tls: object) => ({
      type: 'http',
      port: 8080,
      backends: [{ target: unknown.target, tls }],
      pools: { other: { backends: [{ target: '127.0.0.1:1', tls: {} }] } },
    });
    await start(spec({ serverName: 'good.test' }));
    expect(test.backendState(unknown.target)).toBe('down');
    expect((await ask()).status).toBe(503);
    const late = await tlsBackend('late', good);
    const both = (tls: object) => ({
      ...spec({ serverName: 'good.test' }),
      backends: [...spec({ serverName: 'good.test' }).backends, { target: late.target, tls }],
    });
    await runtime(both({ serverName: 'good.test' }), 'add-backend');
    expect(test.backendState(late.target)).toBe('down');
    expect((await ask()).status).toBe(503);
    const any = await tlsBackend('any', evil);
    await runtime(
      {
        ...spec({}),
        backends: [
          ...spec({ serverName: 'good.test' }).backends,
          { target: any.target, tls: { verify: false } },
        ],
      },
      'add-backend',
    );
    await waitFor('any', async () => (await ask()).body === 'any');
    expect(unknown.seen.length + late.seen.length).toBe(0);
  });

  it('speaks HTTP/2 where the pool does', async () => {
    const { start, ask, runtime } = scene.balancer();
    const create = async (name: string) => {
      const server = http2.createSecureServer({ cert: readFileSync(good.cert), key: readFileSync(good.key) });
      server.on('stream', (stream) => {
        stream.respond({ ':status': 200 });
        stream.end(`${name} ${(stream.session as http2.ServerHttp2Session).alpnProtocol}`);
      });
      server.on('sessionError', () => {});
      return listen(server);
    };
    const [one, two] = [await create('one'), await create('two')];
    const tls = { ca, serverName: 'good.test' };
    const spec = (...targets: string[]) => ({
      type: 'http',
      port: 8080,
      protocol: 'http2',
      healthCheck: { path: '/', interval: '1s', timeout: '900ms', rise: 1 },
      backends: targets.map((target) => ({ target, tls })),
    });
    await start(spec(one));
    await waitFor('the first', async () => (await ask()).body === 'one h2');
    await runtime(spec(one, two), 'add-backend');
    await waitFor('the other', async () => (await ask()).body === 'two h2');
  });
});

/** A TCP backend that notes the first bytes of each connection on which something is asked for. */
async function proxyAware() {
  const seen: Buffer[] = [];
  const server = createTcpServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      if (!received.includes('GET')) return;
      seen.push(received);
      socket.end('seen');
    });
  });
  return { target: await listen(server), seen };
}

const V2_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function proxyV2(source: string, port: number): Buffer {
  const address = (ip: string) => Buffer.from(ip.split('.').map(Number));
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port, 0);
  ports.writeUInt16BE(80, 2);
  return Buffer.concat([
    V2_SIGNATURE,
    Buffer.from([0x21, 0x11, 0, 12]),
    address(source),
    address('192.0.2.1'),
    ports,
  ]);
}

describe('the PROXY protocol', () => {
  it('is understood from trusted proxies alone, in both versions, and the list changes at run time', async () => {
    const { start, runtime, address } = scene.balancer();
    const backend = await scene.backend({
      name: 'web',
      handle: (request, response) => response.end(String(request.headers['x-forwarded-for'])),
    });
    const spec = (from: string[]) => ({
      type: 'http',
      port: 8080,
      backends: [{ target: backend.target }],
      proxyProtocol: { from },
    });
    await start(spec(['127.1.1.0/24']));
    const get = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const v1 = `PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\n${get}`;
    const v2 = Buffer.concat([proxyV2('192.0.2.8', 4000), Buffer.from(get)]);
    const bodyOf = async (bytes: string | Buffer, from: string) =>
      (await sendRaw(address, bytes, { from })).split('\r\n\r\n')[1];
    expect(await bodyOf(v1, '127.1.1.1')).toBe('192.0.2.7');
    expect(await bodyOf(v2, '127.1.1.1')).toBe('192.0.2.8');
    expect(await bodyOf(get, '127.1.2.1')).toBe('127.1.2.1');
    // From elsewhere it is no header but a request that is none.
    expect((await sendRaw(address, v1, { from: '127.1.2.1' })).slice(9, 12)).toBe('400');
    // A proxy must send it.
    expect(await sendRaw(address, get, { from: '127.1.1.1' })).toBe('');
    await runtime(spec(['127.1.2.0/24']), 'set-proxy-protocol');
    expect(await bodyOf(v1, '127.1.2.1')).toBe('192.0.2.7');
    expect(await bodyOf(get, '127.1.1.1')).toBe('127.1.1.1');
    await runtime(spec([]), 'set-proxy-protocol');
    expect(await bodyOf(v1, '127.1.1.1')).toBe('192.0.2.7');
    expect(await bodyOf(v1, '127.1.2.1')).toBe('192.0.2.7');
  });

  it('comes before TLS', async () => {
    const { start, address } = scene.balancer();
    const backend = await scene.backend({
      name: 'web',
      handle: (request, response) => response.end(String(request.headers['x-forwarded-for'])),
    });
    await start({
      type: 'http',
      port: 8080,
      backends: [{ target: backend.target }],
      proxyProtocol: { from: ['127.1.1.1'] },
    });
    const socket = connect({ host: address, port: 443, localAddress: '127.1.1.1' });
    socket.write('PROXY TCP4 192.0.2.7 192.0.2.1 4000 443\r\n');
    const tls = connectTls({ socket, rejectUnauthorized: false });
    tls.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect((await text(tls)).split('\r\n\r\n')[1]).toBe('192.0.2.7');
  });

  it.each([
    ['v1', 'http'],
    ['v2', 'http'],
    ['v1', 'tcp'],
    ['v2', 'tcp'],
  ])('is spoken with backends: %s, %s', async (version, type) => {
    const { start, runtime, address } = scene.balancer();
    const [one, two] = [await proxyAware(), await proxyAware()];
    const spec = (target: string) => ({ type, port: 8080, backends: [{ target, sendProxy: version }] });
    const lastOf = async ({ seen }: { seen: Buffer[] }) => {
      seen.length = 0;
      await sendRaw(address, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', { from: '127.1.1.9' });
      return seen[0] ?? Buffer.alloc(0);
    };
    const expectHeader = (bytes: Buffer) => {
      if (version === 'v1')
        expect(bytes.toString('latin1')).toMatch(
          new RegExp(`^PROXY TCP4 127\\.1\\.1\\.9 ${address.replaceAll('.', '\\.')} \\d+ 8080\r\nGET / `),
        );
      else {
        expect(bytes.subarray(0, 12)).toEqual(V2_SIGNATURE);
        expect([...bytes.subarray(16, 20)]).toEqual([127, 1, 1, 9]);
      }
    };
    await start(spec(one.target));
    expectHeader(await lastOf(one));
    await runtime(spec(two.target), 'add-backend');
    expectHeader(await lastOf(two));
  });
});
