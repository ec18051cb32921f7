import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../../test/support/backends.ts';
import { type NameServer, hasNamed, startNameServer } from '../../test/support/name-server.ts';
import { type TestService, createTestService } from '../../test/support/service.ts';
import { loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { waitFor } from '../../test/support/wait.ts';
import type { DesiredLoadBalancer } from '../api/agent.ts';

const directory = await temporaryDirectory();
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});
afterAll(() => directory.remove());

function create(vpc: Partial<DesiredLoadBalancer['vpc']> = {}): { test: TestService; url: string } {
  const address = loopbackAddress();
  const test = createTestService(directory.path, address);
  test.desired.vpc = { ...test.desired.vpc, ...vpc };
  cleanups.push(() => test.service.remove());
  return { test, url: `http://${address}:8080/` };
}

async function backend(name: string, host: string, port = 0): Promise<TestBackend> {
  const started = await startBackend({ name, host, port });
  cleanups.push(() => started.stop());
  return started;
}

const ask = async (url: string) => (await fetch(url, { headers: { connection: 'close' } })).text();

describe('a backend', () => {
  it('may be an IPv6 address', async () => {
    const { test, url } = create();
    const six = await backend('six', '::1');
    const target = `[::1]:${six.port}`;
    await test.set({ type: 'http', port: 8080, backends: [{ target }], healthCheck: { path: '/health' } });
    await waitFor('up', () => test.backendState(target) === 'up');
    expect(await ask(url)).toBe('six');
  });

  it('may be a host of the VPC, and follows it to another address without a reload', async () => {
    const one = await backend('one', '127.0.0.11');
    await backend('two', '127.0.0.12', one.port);
    const { test, url } = create({ hosts: [{ name: 'web-1', addresses: ['127.0.0.11'] }] });
    const target = `web-1:${one.port}`;
    await test.set({ type: 'http', port: 8080, backends: [{ target }], healthCheck: { path: '/health' } });
    await waitFor('one', async () => (await ask(url)) === 'one');
    const worker = test.report().haproxy?.workerPid;
    test.desired = {
      ...test.desired,
      vpc: { ...test.desired.vpc, hosts: [{ name: 'web-1', addresses: ['127.0.0.12'] }] },
    };
    test.service.want(test.desired);
    await waitFor('two', async () => (await ask(url)) === 'two');
    expect(test.report().backends[0]).toMatchObject({ target, address: '127.0.0.12' });
    expect(test.report().haproxy?.workerPid).toBe(worker);
  });

  it('is told to be unresolved, with what to do, while its name stands for nothing', async () => {
    const { test, url } = create();
    const one = await backend('one', '127.0.0.11');
    const target = `nobody.invalid:${one.port}`;
    await test.set({ type: 'http', port: 8080, backends: [{ target }, { target: one.target }] });
    const seen = await waitFor('a fault', () =>
      test
        .report()
        .backends.find(({ state, reason }) => state === 'unresolved' && reason.includes('vpc host add')),
    );
    expect(seen.reason).toContain('agentmetal vpc host add default nobody.invalid ADDRESS');
    await waitFor('one', async () => (await ask(url)) === 'one');
  });

  describe.runIf(hasNamed)('with a name in DNS', () => {
    let server: NameServer;

    it('follows its record without a reload, and keeps the last address when DNS is gone', async () => {
      const one = await backend('one', '127.0.0.11');
      await backend('two', '127.0.0.12', one.port);
      server = await startNameServer(['web A 127.0.0.11']);
      const { test, url } = create({ nameServers: [server.address] });
      const target = `web.test:${one.port}`;
      await test.set({ type: 'http', port: 8080, backends: [{ target }], healthCheck: { path: '/health' } });
      await waitFor('one', async () => (await ask(url)) === 'one');
      const worker = test.report().haproxy?.workerPid;
      await server.setRecords(['web A 127.0.0.12']);
      await waitFor('two', async () => (await ask(url)) === 'two', 20_000);
      await server.stop();
      await waitFor('it to be told', () =>
        test
          .report()
          .backends[0]?.reason.includes(
            'the name server does not answer for web.test; its last address 127.0.0.12 stays',
          ),
      );
      expect(await ask(url)).toBe('two');
      expect(test.backendState(target)).toBe('up');
      expect(test.report().haproxy?.workerPid).toBe(worker);
    });

    it('may not stand for an address outside of the VPC', async () => {
      server = await startNameServer(['evil A 169.254.169.254']);
      cleanups.push(() => server.stop());
      const { test } = create({ nameServers: [server.address] });
      await test.set({ type: 'http', port: 8080, backends: [{ target: 'evil.test:80' }] });
      const seen = await waitFor('a fault', () =>
        test.report().backends.find(({ state }) => state === 'unresolved'),
      );
      expect(seen.reason).toContain('169.254.169.254 is a link-local address');
    });
  });
});
