import { readFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, type Socket, connect, createServer as createTcpServer } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../../test/support/backends.ts';
import { selfSigned } from '../../test/support/certificate.ts';
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

describe('health checks', () => {
  it('over HTTPS take a certificate that nobody vouches for, and say when it is no TLS', async () => {
    const { test } = create();
    const secure = await startTlsBackend();
    const plain = await backend({ name: 'plain' });
    await test.set({
      type: 'http',
      port: 8080,
      backends: [{ target: secure }, { target: plain.target }],
      healthCheck: { type: 'https', path: '/health', host: 'app.example.com' },
    });
    await isUp(test, secure);
    const { reason } = await waitFor('down', () =>
      test.report().backends.find(({ state }) => state === 'down'),
    );
    expect(reason).toMatch(/^(TLS handshake with .* failed|no TLS handshake with )/);
  });

  it('let the first one take its time, so that a backend far away is up by it', async () => {
    const { test } = create();
    const far = await startFarAway(await startTlsBackend(), 60);
    await test.set({
      type: 'http',
      port: 8080,
      backends: [{ target: far, tls: { verify: false } }],
      // Nothing but the first check can bring it up within the test.
      healthCheck: { type: 'tcp', interval: '5m', timeout: '2s' },
    });
    await isUp(test, far);
  });

  it('hold the body against what is expected', async () => {
    const { test } = create();
    const [good, bad] = [await backend({ name: 'good' }), await backend({ name: 'bad' })];
    good.health.body = 'all is "well" at 100 %';
    await test.set({
      type: 'http',
      port: 8080,
      backends: [{ target: good.target }, { target: bad.target }],
      healthCheck: {
        path: '/health',
        expectBody: '"well" at 100 %',
        method: 'POST',
        host: 'check.example.com:81',
      },
    });
    await isUp(test, good.target);
    const { reason } = await waitFor('down', () =>
      test.report().backends.find(({ state }) => state === 'down'),
    );
    expect(reason).toMatch(/^unexpected answer from .*: HTTP content check did not match/);
    expect(good.checks[0]).toMatchObject({ method: 'POST', headers: { host: 'check.example.com:81' } });
  });

  it('that are corrected count at once, and what the check before said is not told of them', async () => {
    const { test, url } = create();
    const started = await backend({ name: 'ill' });
    // Nothing but a first check can change anything within the test.
    const slow = { interval: '5m', timeout: '2s', rise: 3 };
    const spec = { type: 'http', port: 8080, backends: [{ target: started.target }] };
    await test.set({ ...spec, healthCheck: { ...slow, path: '/health', expectBody: 'nobody says this' } });
    const evidenceOf = () => test.report().backends[0]?.evidence;
    await waitFor('down, and why', () => test.backendState(started.target) === 'down' && evidenceOf()?.probe);
    await test.set({ ...spec, healthCheck: { ...slow, path: '/health' } });
    expect(JSON.stringify(evidenceOf()?.result ?? '')).not.toContain('content check');
    expect(evidenceOf()?.probe).toBeUndefined();
    await isUp(test, started.target);
    expect(await ask(url)).toBe('ill');
  });

  it('that become stricter leave those in service that were up, until they fail by them', async () => {
    const { test, url } = create();
    const started = await backend({ name: 'well' });
    const spec = { type: 'http', port: 8080, backends: [{ target: started.target }] };
    await test.set({ ...spec, healthCheck: { interval: '5m', path: '/health' } });
    await isUp(test, started.target);
    await test.set({ ...spec, healthCheck: { interval: '5m', path: '/health', rise: 5 } });
    expect(test.backendState(started.target)).toBe('up');
    expect(await ask(url)).toBe('well');
  });

  it('may go to another port than the traffic', async () => {
    const { test, url } = create();
    const served = await backend({ name: 'served' });
    const probe = await backend({ name: 'probe' });
    await test.set({
      type: 'http',
      port: 8080,
      backends: [{ target: served.target }],
      healthCheck: { path: '/health', port: probe.port },
    });
    await isUp(test, served.target);
    expect(await ask(url)).toBe('served');
    expect([probe.checks.length > 0, served.checks.length]).toEqual([true, 0]);
  });
});

async function startTlsBackend(): Promise<string> {
  const { key, cert } = selfSigned(directory.path, 'backend');
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) =>
    response.end('ok'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Stands before a server and hands on what clients send a while later, as a long way would. */
async function startFarAway(target: string, delayMs: number): Promise<string> {
  const sockets = new Set<Socket>();
  const port = Number(target.split(':')[1]);
  const server = createTcpServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    near.on('data', (chunk: Buffer) => setTimeout(() => far.write(chunk), delayMs));
    near.once('close', () => far.destroy());
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
