import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../../test/support/backends.ts';
import { startLoad } from '../../test/support/load.ts';
import { type TestService, createTestService } from '../../test/support/service.ts';
import { loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { waitFor } from '../../test/support/wait.ts';

const directory = await temporaryDirectory();
const services: TestService[] = [];
const backends: TestBackend[] = [];

afterEach(async () => {
  for (const { service } of services.splice(0)) await service.remove();
  for (const backend of backends.splice(0)) await backend.stop();
});
afterAll(() => directory.remove());

async function serving(options: Parameters<typeof createTestService>[2] = {}) {
  const address = loopbackAddress();
  const test = createTestService(directory.path, address, options);
  services.push(test);
  const backend = await startBackend({ name: 'one' });
  backends.push(backend);
  const spec = {
    type: 'http',
    port: 8080,
    backends: [{ target: backend.target }],
    healthCheck: { path: '/health', interval: '1s' },
  };
  await test.set(spec);
  await waitFor('up', () => test.backendState(backend.target) === 'up');
  return { test, backend, spec, address, url: `http://${address}:8080/` };
}

describe('HAProxy that ends', () => {
  it.each(['worker', 'master'] as const)('is started again when the %s is killed', async (victim) => {
    const { test, url } = await serving();
    const { pid = 0, workerPid = 0 } = test.report().haproxy ?? {};
    process.kill(victim === 'worker' ? workerPid : pid, 'SIGKILL');
    await waitFor(
      'an answer',
      async () => test.report().haproxy?.workerPid !== workerPid && (await fetch(url)).ok,
    );
  });
});

describe('an agent that starts again', () => {
  it('adopts the HAProxy that runs, without a failed request and with the same worker', async () => {
    const { test, backend, spec, address, url } = await serving();
    const before = test.report().haproxy;
    const load = startLoad(url);
    await test.service.detach();
    const again = createTestService(directory.path, address, { revision: test.desired.revision });
    services.push(again);
    services.splice(services.indexOf(test), 1);
    again.desired = test.desired;
    again.service.want(test.desired);
    await waitFor('up', () => again.backendState(backend.target) === 'up');
    const weighed = await again.set({ ...spec, backends: [{ target: backend.target, weight: 9 }] });
    expect(weighed).toMatchObject({ outcome: 'applied', path: 'runtime' });
    const { failed, ok } = await load.stop();
    expect({ failed, isBusy: ok > 100 }).toEqual({ failed: 0, isBusy: true });
    expect(again.report().haproxy).toMatchObject({ pid: before?.pid, workerPid: before?.workerPid });
  });

  it('puts right what somebody changed by hand', async () => {
    const { test, backend, spec } = await serving();
    await test.service.detach();
    const { withRuntime } = await import('../haproxy/runtime/connection.ts');
    const { servicePaths } = await import('../haproxy/config/paths.ts');
    const { detectLayout } = await import('./layout.ts');
    const { workerSocket } = servicePaths(test.service.id, detectLayout(join(directory.path, 'agent'), 0));
    await withRuntime(workerSocket, (runtime) =>
      runtime.send(`set server default/${backend.target} weight 77`),
    );
    const again = createTestService(directory.path, test.desired.address, { revision: 1 });
    services.splice(0, services.length, again);
    const receipt = await again.set({ ...spec });
    expect(receipt.path).toBe('runtime');
    const stat = await withRuntime(workerSocket, (runtime) => runtime.send('show servers state default'));
    expect(stat).toContain(` ${backend.target} `);
    expect(
      await withRuntime(workerSocket, (runtime) => runtime.send(`get weight default/${backend.target}`)),
    ).toMatch(/^1 /);
  });
});

describe('a backend that dies', () => {
  it('is out within fall × interval + 1 s, says why, and comes back by itself', async () => {
    const { test, backend, url } = await serving();
    await backend.stop();
    const stoppedAt = performance.now();
    const down = await waitFor('down', () => test.report().backends.find(({ state }) => state === 'down'));
    expect(performance.now() - stoppedAt).toBeLessThan(3 * 1000 + 1000);
    expect(down.reason).toMatch(
      new RegExp(
        String.raw`^connection refused at ${backend.target.replaceAll('.', '\\.')} \(3 checks, since \d\d:\d\d:\d\d\)$`,
      ),
    );
    expect((await fetch(url)).status).toBe(503);
    backends.splice(0, 1, await startBackend({ name: 'one', port: backend.port }));
    await waitFor('up again', () => test.backendState(backend.target) === 'up');
    expect((await fetch(url)).status).toBe(200);
  });

  it('gets no request before its first passed check, and none while it fails', async () => {
    const { test, backend, spec, url } = await serving();
    const sick = await startBackend({ name: 'sick' });
    backends.push(sick);
    sick.health = { status: 503, body: 'warming up' };
    await test.set({ ...spec, backends: [{ target: backend.target }, { target: sick.target }] });
    await waitFor('a verdict', () => test.backendState(sick.target) === 'down');
    for (let i = 0; i < 20; i++) expect(await (await fetch(url)).text()).toBe('one');
    expect(sick.requests).toEqual([]);
    expect(test.report().backends[1]?.reason).toMatch(
      /^status 503 \(Service Unavailable\) from .*, expected 200-399 \(1 check, since/,
    );
    sick.health = { status: 200, body: 'ok' };
    await waitFor('up', () => test.backendState(sick.target) === 'up');
    await waitFor('its answer', async () => (await (await fetch(url)).text()) === 'sick');
  });
});

describe('a backend that comes back ill', () => {
  it('gets nothing, though it was well when it was removed', async () => {
    const { test, backend, spec, url } = await serving();
    const other = await startBackend({ name: 'other' });
    backends.push(other);
    const both = { ...spec, backends: [{ target: backend.target }, { target: other.target }] };
    await test.set(both);
    await waitFor('up', () => test.backendState(other.target) === 'up');
    await test.set(spec);
    other.health = { status: 503, body: 'ill' };
    const before = other.requests.length;
    const load = startLoad(url);
    await test.set({ ...both, algorithm: 'leastconn' });
    await waitFor('a verdict', () => test.backendState(other.target) === 'down');
    expect((await load.stop()).failed).toBe(0);
    expect(other.requests.length).toBe(before);
  });
});

describe('a backend that comes back ill before its last request has ended', () => {
  it('gets nothing new', async () => {
    const { test, backend, spec, url } = await serving();
    const { promise: release, resolve: finish } = Promise.withResolvers<void>();
    const slow: TestBackend = await startBackend({
      name: 'slow',
      handle(_request, response) {
        // The first request lasts until the end of the test; any other is answered at once.
        if (slow.requests.length === 1) void release.then(() => response.end('slow'));
        else response.end('slow');
      },
    });
    backends.push(slow);
    const both = { ...spec, backends: [{ target: backend.target }, { target: slow.target }] };
    await test.set(both);
    await waitFor('up', () => test.backendState(slow.target) === 'up');
    const held = Promise.all([fetch(url), fetch(url)]);
    await waitFor('its request', () => slow.requests.length === 1);
    await test.set(spec);
    slow.health = { status: 503, body: 'ill' };
    const load = startLoad(url);
    await test.set(both);
    await waitFor('a verdict', () => test.backendState(slow.target) === 'down');
    expect((await load.stop()).failed).toBe(0);
    expect(slow.requests.length).toBe(1);
    finish();
    expect((await held).map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('a worker that is killed in the middle of a reload', () => {
  it.each([0, 15, 60])('does not keep the agent waiting for it: after %i ms', async (delayMs) => {
    const { test, spec, url } = await serving();
    const { workerPid = 0 } = test.report().haproxy ?? {};
    const changed = test.set({ ...spec, algorithm: 'leastconn' });
    setTimeout(() => process.kill(workerPid, 'SIGKILL'), delayMs);
    const killedAt = performance.now();
    await changed;
    await waitFor('applied', () => test.report().receipt?.outcome === 'applied');
    await waitFor('an answer', async () => (await fetch(url)).status === 200);
    // Far less than the half minute for which an answer of the master is waited.
    expect(performance.now() - killedAt).toBeLessThan(10_000);
  });
});

describe('a reload and a restart', () => {
  it('send nothing to a backend that is known to be down', async () => {
    const { test, backend, spec, url } = await serving();
    const sick = await startBackend({ name: 'sick' });
    backends.push(sick);
    const both = { ...spec, backends: [{ target: backend.target }, { target: sick.target }] };
    await test.set(both);
    await waitFor('up', () => test.backendState(sick.target) === 'up');
    sick.health = { status: 500, body: 'ill' };
    await waitFor('down', () => test.backendState(sick.target) === 'down');
    const before = sick.requests.length;
    const load = startLoad(url);
    const reloaded = await test.set({ ...both, algorithm: 'leastconn' });
    expect(reloaded).toMatchObject({ outcome: 'applied', path: 'reload' });
    expect(test.backendState(sick.target)).toBe('down');
    expect((await load.stop()).failed).toBe(0);
    process.kill(test.report().haproxy?.pid ?? 0, 'SIGKILL');
    const { workerPid } = test.report().haproxy ?? {};
    await waitFor('another worker', () => test.report().haproxy?.workerPid !== workerPid);
    for (let i = 0; i < 20; i++) expect(await (await fetch(url)).text()).toBe('one');
    expect(sick.requests.length).toBe(before);
  });
});

describe('what cannot be applied', () => {
  it('says that a port is in use and keeps the last good state; it is applied once the port is free', async () => {
    const { test, spec, url, address } = await serving();
    const intruder = createServer();
    await new Promise<void>((resolve) => intruder.listen(8081, address, resolve));
    const receipt = await test.set({ ...spec, port: 8081 });
    expect(receipt).toMatchObject({ outcome: 'failed', restored: true, error: { code: 'address_in_use' } });
    expect(receipt.error?.detail).toBe(`${address}:8081 is in use by another process`);
    expect((await fetch(url)).status).toBe(200);
    await new Promise((resolve) => intruder.close(resolve));
    await waitFor('applied', () => test.report().receipt?.outcome === 'applied');
    expect((await fetch(`http://${address}:8081/`)).status).toBe(200);
  });

  it('says that HAProxy is missing', async () => {
    const test = createTestService(directory.path, loopbackAddress(), { haproxy: '/nowhere/haproxy' });
    services.push(test);
    const receipt = await test.set({ type: 'http', port: 8080 });
    expect(receipt.error).toMatchObject({
      code: 'haproxy_missing',
      hint: expect.stringContaining('apt-get install haproxy'),
    });
  });

  it('keeps the last good state when HAProxy refuses the configuration', async () => {
    // A real HAProxy behind a switch: with it, the check of a configuration fails as that of a bad one does.
    const picky = join(directory.path, 'haproxy');
    const flag = join(directory.path, 'refuse');
    await writeFile(
      picky,
      `#!/bin/sh\nif [ "$1" = -c ] && [ -e ${flag} ]; then echo "[ALERT]    (1) : config : parsing [x:1] : unknown keyword 'bogus'" >&2; exit 1; fi\nexec haproxy "$@"\n`,
    );
    await chmod(picky, 0o755);
    const { test, spec, url } = await serving({ haproxy: picky });
    await writeFile(flag, '');
    const receipt = await test.set({ ...spec, algorithm: 'leastconn' });
    expect(receipt).toMatchObject({ outcome: 'failed', restored: true, error: { code: 'config_rejected' } });
    expect(receipt.error?.detail).toContain("unknown keyword 'bogus'");
    expect((await fetch(url)).status).toBe(200);
  });
});
