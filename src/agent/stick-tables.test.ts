import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../../test/support/backends.ts';
import { type TestService, createTestService } from '../../test/support/service.ts';
import { loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { waitFor } from '../../test/support/wait.ts';

const directory = await temporaryDirectory();
const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});
afterAll(() => directory.remove());

function create(): { test: TestService; url: string } {
  const address = loopbackAddress();
  const test = createTestService(directory.path, address);
  cleanups.push(() => test.service.remove());
  return { test, url: `http://${address}:8080/` };
}

async function backend(name: string): Promise<TestBackend> {
  const started = await startBackend({ name });
  cleanups.push(() => started.stop());
  return started;
}

const statuses = (url: string, count: number) =>
  Promise.all(
    Array.from(
      { length: count },
      async () => (await fetch(url, { headers: { connection: 'close' } })).status,
    ),
  );

const byNumber = (left: number, right: number) => left - right;

describe('what is counted in stick tables', () => {
  it('is there after a reload right after the start, and after the next', async () => {
    const { test, url } = create();
    const one = await backend('one');
    const spec = {
      type: 'http',
      port: 8080,
      backends: [{ target: one.target }],
      rateLimit: { requests: 10, window: '1h' },
    };
    await test.set(spec);
    await waitFor('up', () => test.backendState(one.target) === 'up');
    expect((await statuses(url, 6)).filter((status) => status === 200)).toHaveLength(6);
    expect((await test.set({ ...spec, algorithm: 'leastconn' })).path).toBe('reload');
    expect((await statuses(url, 3)).filter((status) => status === 200)).toHaveLength(3);
    expect((await test.set({ ...spec, algorithm: 'random' })).path).toBe('reload');
    expect((await statuses(url, 5)).toSorted(byNumber)).toEqual([200, 429, 429, 429, 429]);
  });

  it('is there after a reload right after the limit was set for the first time', async () => {
    const { test, url } = create();
    const one = await backend('one');
    const spec = { type: 'http', port: 8080, backends: [{ target: one.target }] };
    await test.set(spec);
    await waitFor('up', () => test.backendState(one.target) === 'up');
    const limited = { ...spec, rateLimit: { requests: 3, window: '1h' } };
    await test.set(limited);
    expect(await statuses(url, 2)).toEqual([200, 200]);
    await test.set({ ...limited, algorithm: 'leastconn' });
    expect((await statuses(url, 3)).toSorted(byNumber)).toEqual([200, 429, 429]);
  });
});
