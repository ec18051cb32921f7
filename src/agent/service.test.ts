import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../../test/support/backends.ts';
import { type TestService, createTestService } from '../../test/support/service.ts';
import { loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { waitFor } from '../../test/support/wait.ts';
import { servicePaths } from '../haproxy/config/paths.ts';
import { withRuntime } from '../haproxy/runtime/connection.ts';
import { SHOW_SERVER_STATS, parseServerStats } from '../haproxy/runtime/stat.ts';
import { detectLayout } from './layout.ts';

const directory = await temporaryDirectory();
const services: TestService[] = [];
const backends: TestBackend[] = [];

beforeAll(async () => {
  for (const name of ['one', 'two', 'three']) backends.push(await startBackend({ name }));
});
afterEach(async () => {
  for (const { service } of services.splice(0)) await service.remove();
});
afterAll(async () => {
  for (const backend of backends) await backend.stop();
  await directory.remove();
});

function create(options: Parameters<typeof createTestService>[2] = {}): { test: TestService; url: string } {
  const address = loopbackAddress();
  const test = createTestService(directory.path, address, options);
  services.push(test);
  return { test, url: `http://${address}:8080/` };
}

const backendOf = (index: number) => backends[index] as TestBackend;

describe('a load balancer on this machine', () => {
  it('starts HAProxy, admits backends after their first check and answers', async () => {
    const { test, url } = create();
    const [one, two] = [backendOf(0), backendOf(1)];
    const receipt = await test.set({
      type: 'http',
      port: 8080,
      backends: [{ target: one.target }, { target: two.target }],
      healthCheck: { path: '/health' },
    });
    expect(receipt).toMatchObject({ outcome: 'applied', path: 'start' });
    await waitFor('both up', () => [one, two].every(({ target }) => test.backendState(target) === 'up'));
    const answers = new Set<string>();
    for (let i = 0; i < 4; i++) answers.add(await (await fetch(url)).text());
    expect(answers).toEqual(new Set(['one', 'two']));
    expect(one.checks[0]).toMatchObject({ path: '/health', method: 'GET', headers: { host: one.target } });
  });

  it('adds, weighs and removes a backend by the runtime API, with no reload', async () => {
    const { test, url } = create();
    const [one, two] = [backendOf(0), backendOf(1)];
    const base = { type: 'http', port: 8080, healthCheck: { path: '/health' } };
    await test.set({ ...base, backends: [{ target: one.target }] });
    const worker = test.report().haproxy?.workerPid;
    const added = await test.set({ ...base, backends: [{ target: one.target }, { target: two.target }] });
    expect(added).toMatchObject({
      outcome: 'applied',
      path: 'runtime',
      steps: [{ action: 'add-backend', target: two.target }],
    });
    await waitFor('two answers', async () => (await (await fetch(url)).text()) === 'two');
    const removed = await test.set({ ...base, backends: [{ target: two.target, weight: 7 }] });
    expect(removed.steps.map(({ action }) => action)).toEqual(['set-weight', 'remove-backend']);
    expect(await (await fetch(url)).text()).toBe('two');
    expect(test.report().haproxy?.workerPid).toBe(worker);
  });

  it('reloads for another health check, and keeps what is known of the backends', async () => {
    const { test, url } = create();
    const [one] = [backendOf(0)];
    await test.set({ type: 'http', port: 8080, backends: [{ target: one.target }] });
    await waitFor('up', () => test.backendState(one.target) === 'up');
    const before = test.report().haproxy;
    const receipt = await test.set({
      type: 'http',
      port: 8080,
      backends: [{ target: one.target }],
      healthCheck: { path: '/health', interval: '1s' },
    });
    expect(receipt).toMatchObject({ outcome: 'applied', path: 'reload' });
    expect((await fetch(url)).status).toBe(200);
    expect(test.report().haproxy?.pid).toBe(before?.pid);
    expect(test.report().haproxy?.workerPid).not.toBe(before?.workerPid);
  });
});

describe('a backend that comes, goes and comes again', () => {
  it('is checked and served each time within moments, and leaves nothing behind', async () => {
    const { test, url } = create();
    const [one, two] = [backendOf(0), backendOf(1)];
    const base = { type: 'http', port: 8080, healthCheck: { path: '/health', interval: '1h' } };
    await test.set({ ...base, backends: [{ target: one.target }] });
    for (let round = 0; round < 5; round++) {
      await test.set({ ...base, backends: [{ target: one.target }, { target: two.target }] });
      // With an hour between checks nothing but the first check can bring it up.
      await waitFor('two', async () => (await (await fetch(url)).text()) === 'two', 5000);
      await test.set({ ...base, backends: [{ target: one.target }] });
      // Odd rounds find it deleted, even ones still leaving.
      if (round % 2 === 1) await waitFor('gone', async () => !(await serverNames(test)).includes(two.target));
    }
    await waitFor('nothing behind', async () => (await serverNames(test)).join() === one.target);
  });
});

async function serverNames(test: TestService): Promise<string[]> {
  const layout = detectLayout(join(directory.path, 'agent'), 0);
  const { workerSocket } = servicePaths(test.service.id, layout);
  return parseServerStats(await withRuntime(workerSocket, (runtime) => runtime.send(SHOW_SERVER_STATS))).map(
    ({ name }) => name,
  );
}

describe('a connection that was idle during a reload', () => {
  it('gets one more answer from the old worker, and the next one from the new', async () => {
    const { test, url } = create();
    const [one, two] = [backendOf(0), backendOf(1)];
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await test.set({ type: 'http', port: 8080, backends: [{ target: one.target }] });
    await waitFor('one up', () => test.backendState(one.target) === 'up');
    expect(await getText(url, agent)).toBe('one');
    const receipt = await test.set({
      type: 'http',
      port: 8080,
      backends: [{ target: two.target }],
      healthCheck: { path: '/health' },
    });
    expect(receipt).toMatchObject({ outcome: 'applied', path: 'reload' });
    await waitFor('two up', () => test.backendState(two.target) === 'up');
    expect([await getText(url, agent), await getText(url, agent)]).toEqual(['one', 'two']);
    agent.destroy();
  });

  it('is not kept when there was no backend, so that the next request finds the new ones', async () => {
    const { test, url } = create();
    const [one] = [backendOf(0)];
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await test.set({ type: 'http', port: 8080 });
    expect(await getText(url, agent)).toContain('503 Service Unavailable');
    await test.set({
      type: 'http',
      port: 8080,
      backends: [{ target: one.target }],
      healthCheck: { path: '/health' },
    });
    await waitFor('one up', () => test.backendState(one.target) === 'up');
    expect(await getText(url, agent)).toBe('one');
    agent.destroy();
  });
});

function getText(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve(text));
    }).once('error', reject);
  });
}
