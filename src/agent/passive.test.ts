import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../../test/support/backends.ts';
import { startLoad } from '../../test/support/load.ts';
import { type TestService, createTestService } from '../../test/support/service.ts';
import { loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { waitFor } from '../../test/support/wait.ts';
import { servicePaths } from '../haproxy/config/paths.ts';
import { withRuntime } from '../haproxy/runtime/connection.ts';
import { parseServerStats } from '../haproxy/runtime/stat.ts';
import { detectLayout } from './layout.ts';

const directory = await temporaryDirectory();
const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});
afterAll(() => directory.remove());

async function serving(
  passive: object | undefined,
  handle?: Parameters<typeof startBackend>[0]['handle'],
): Promise<{ test: TestService; one: TestBackend; two: TestBackend; url: string }> {
  const address = loopbackAddress();
  const test = createTestService(directory.path, address);
  cleanups.push(() => test.service.remove());
  const one = await startBackend({ name: 'one' });
  const two = await startBackend({ name: 'two', ...(handle ? { handle } : {}) });
  cleanups.push(
    () => one.stop(),
    () => two.stop(),
  );
  await test.set({
    type: 'http',
    port: 8080,
    backends: [{ target: one.target }, { target: two.target }],
    healthCheck: { path: '/health', interval: '5s', ...(passive ? { passive } : {}) },
  });
  await waitFor('both up', () => [one, two].every(({ target }) => test.backendState(target) === 'up'));
  return { test, one, two, url: `http://${address}:8080/` };
}

async function isDown(test: TestService, { target }: TestBackend): Promise<boolean> {
  const { workerSocket } = servicePaths(test.service.id, detectLayout(join(directory.path, 'agent'), 0));
  const text = await withRuntime(workerSocket, (runtime) => runtime.send('show stat default 4 -1'));
  return parseServerStats(text).some(({ name, status }) => name === target && status.startsWith('DOWN'));
}

describe('a backend that dies under load', () => {
  it('is out at once, long before its next check, and costs no request', async () => {
    const { test, two, url } = await serving(undefined);
    const load = startLoad(url);
    await waitFor('traffic on it', () => two.requests.length > 20);
    await two.stop();
    const stoppedAt = performance.now();
    await waitFor('HAProxy to have it out', () => isDown(test, two));
    const tookMs = performance.now() - stoppedAt;
    const down = await waitFor('the report', () =>
      test.report().backends.find(({ state }) => state === 'down'),
    );
    const { failed, faults } = await load.stop();
    expect({ failed, faults }).toEqual({ failed: 0, faults: [] });
    // Checks alone would take three of them, five seconds apart.
    expect(tookMs).toBeLessThan(1500);
    expect(down.target).toBe(two.target);
    expect(down.reason).toMatch(/^took 10 connection errors in a row.*\(since \d\d:\d\d:\d\d\)$/);
    const back = await startBackend({ name: 'two', port: two.port });
    cleanups.push(() => back.stop());
    await waitFor('up again', () => test.backendState(two.target) === 'up');
    expect(test.report().backends[1]?.evidence?.transitions.map(({ state }) => state)).toEqual([
      'up',
      'down',
      'up',
    ]);
  });

  it('waits for its checks where that is wanted', async () => {
    const { test, two, url } = await serving({ errors: 0 });
    const load = startLoad(url);
    await waitFor('traffic on it', () => two.requests.length > 20);
    await two.stop();
    await waitFor('the first failed check', async () => {
      const { workerSocket } = servicePaths(test.service.id, detectLayout(join(directory.path, 'agent'), 0));
      const text = await withRuntime(workerSocket, (runtime) => runtime.send('show stat default 4 -1'));
      return parseServerStats(text).some(({ name, status }) => name === two.target && status !== 'UP');
    });
    const down = await waitFor('down', () => test.report().backends.find(({ state }) => state === 'down'));
    expect(down.reason).toMatch(/^connection refused at .* \(3 checks, since/);
    expect((await load.stop()).failed).toBe(0);
  });
});

describe('a backend that answers with errors while its check passes', () => {
  it('is taken out where answers are observed', async () => {
    let isBroken = false;
    const { test, two, url } = await serving({ observe: 'layer7', errors: 5 }, (_request, response) => {
      response.statusCode = isBroken ? 500 : 200;
      response.end('two');
    });
    isBroken = true;
    await waitFor('out', async () => {
      await Promise.all(Array.from({ length: 12 }, async () => (await fetch(url)).text()));
      return isDown(test, two);
    });
    const reason = await waitFor('the report', () => {
      const seen = test.report().backends.find(({ target }) => target === two.target);
      return seen?.evidence?.transitions.find(({ state }) => state === 'down')?.reason;
    });
    expect(reason).toMatch(/^took 5 errors in a row/);
  });
});
