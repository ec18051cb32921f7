import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestBackend, startBackend } from '../support/backends.ts';
import { type Fleet, startFleet } from '../support/fleet.ts';
import { type RealAgent, startRealAgent } from '../support/real-agent.ts';
import { freePort, temporaryDirectory } from '../support/temporary.ts';
import { waitFor } from '../support/wait.ts';

let fleet: Fleet;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let backend: TestBackend;
let agent: RealAgent | undefined;
beforeEach(async () => {
  directory = await temporaryDirectory();
  fleet = await startFleet({ allowLoopbackBackends: true });
  await fleet.plane.server.listen();
  backend = await startBackend({ name: 'web-1' });
  // Where a machine would be logged in to, its agent is started as its service would be.
  fleet.provisioner.behave(async ({ agent: { url, certificate, token } }) => {
    await agent?.end();
    agent = await startRealAgent({ folder: join(directory.path, 'lb-1'), url, certificate, token });
  });
});
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
  await fleet.stop();
  await backend.stop();
  await directory.remove();
});

const add = () => fleet.add('127.0.0.1', { name: 'lb-1' });
const show = async () => (await fleet.call('GET', '/v1/load-balancers/web-lb')).body;

test('a real agent enrols, serves what its VPC has for it, and gives all of it back', async () => {
  const port = await freePort();
  const body = { name: 'web-lb', spec: { type: 'tcp', port, backends: [{ target: backend.target }] } };
  await add();
  await fleet.waitForState('lb-1', 'online');
  await fleet.call('POST', '/v1/load-balancers', { body });
  const status = await waitFor('the load balancer to be live', async () => {
    const { status: seen } = await show();
    return seen.state === 'active' ? seen : undefined;
  });
  expect(status.nodes).toMatchObject([{ machine: 'lb-1', listeners: [`127.0.0.1:${port}`] }]);
  const ask = async () => (await fetch(`http://127.0.0.1:${port}/`)).status;
  expect(await ask()).toBe(200);
  expect(await agent?.serving()).toHaveLength(1);
  expect((await fleet.show('lb-1')).os).toMatch(/\w/);

  // Made ready again, it gets another credential, and its HAProxy serves on.
  const before = await readFile(agent?.tokenFile ?? '', 'utf8');
  await fleet.call('POST', '/v1/machines/lb-1/retry', { body: {} });
  await fleet.waitForState('lb-1', 'online');
  expect(await readFile(agent?.tokenFile ?? '', 'utf8')).not.toBe(before);
  expect(await ask()).toBe(200);

  await fleet.call('DELETE', '/v1/load-balancers/web-lb', { headers: { prefer: 'wait=30' } });
  await waitFor('HAProxy to be gone', async () => (await agent?.serving())?.length === 0);
  await expect(ask()).rejects.toThrow('fetch failed');
  expect((await fleet.show('lb-1')).loadBalancer).toBeNull();

  expect((await fleet.call('DELETE', '/v1/machines/lb-1')).status).toBe(202);
  await waitFor('its end', async () => (await fleet.call('GET', '/v1/machines/lb-1')).status === 404);
});

test('an agent whose token is refused says why and ends', async () => {
  await add();
  await fleet.waitForState('lb-1', 'online');
  await agent?.end();
  const { url, certificate } = fleet.listener;
  const token = fleet.provisioner.orders[0]?.agent.token ?? '';
  agent = await startRealAgent({ folder: join(directory.path, 'thief'), url: url(), certificate, token });
  expect(await agent.ended).toBe(5);
  expect(agent.output()).toContain('the token of machine lb-1 was used already');
  expect(existsSync(agent.tokenFile)).toBe(false);
});
