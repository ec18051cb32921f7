import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { adjustableClock, inject } from '../../../test/support/control-plane.ts';
import { type Fleet, startFleet } from '../../../test/support/fleet.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { lookAtRollout } from './rollout.ts';

const OLD = '0.1.0-aaaaaaaaaaaa';
const NEW = '0.2.0-bbbbbbbbbbbb';
const ROLLOUT = '/v1/machines/agent-rollout';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let clock: ReturnType<typeof adjustableClock>;
let fleet: Fleet;
beforeEach(async () => {
  directory = await temporaryDirectory();
  const path = join(directory.path, `agentmetal-agent-${NEW}-linux-x64.tar.gz`);
  await writeFile(path, 'the agent');
  clock = adjustableClock();
  fleet = await startFleet({ clock });
  fleet.provisioner.bundle = async () => path;
  for (const [index, name] of ['lb-1', 'lb-2'].entries()) {
    await fleet.ready(name, `10.0.0.${index + 5}`);
    await tell(name, { version: OLD });
  }
});
afterEach(async () => {
  await fleet.stop();
  await directory.remove();
});

const tell = (name: string, upgrader: { version: string; failed?: { version: string; reason: string } }) =>
  fleet.machines.get(name)?.agent.tell({ upgrader });
const ordered = async (name: string) => (await fleet.machines.get(name)?.agent.desired())?.upgrade;
const look = () => lookAtRollout(fleet.plane.server.context);
const rollout = async () => (await fleet.call('GET', ROLLOUT)).body;

test('one agent after another is told to take the version of the control plane, which it fetches', async () => {
  await look();

  const order = await ordered('lb-1');
  expect(order).toEqual({ version: NEW, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(await ordered('lb-2')).toBeUndefined();
  const key = fleet.machines.get('lb-1')?.token ?? '';
  expect((await inject(fleet.plane.app, 'GET', '/v1/agent/upgrade', { key })).text).toBe('the agent');
  expect((await fleet.call('GET', '/v1/agent/upgrade')).status).toBe(403);
  expect((await fleet.show('lb-1')).upgrade).toMatchObject({ state: 'running', version: NEW });
  await look();
  expect(await ordered('lb-2')).toBeUndefined();
  await tell('lb-1', { version: NEW });
  expect(await ordered('lb-1')).toBeUndefined();
  expect(await fleet.show('lb-1')).toMatchObject({ agentVersion: NEW });
  await look();
  expect(await ordered('lb-2')).toMatchObject({ version: NEW });
  await tell('lb-2', { version: NEW });
  expect(await rollout()).toEqual({ version: NEW, state: 'done', reason: '' });
  const { items } = (await fleet.call('GET', '/v1/events?type=machine.upgraded')).body;
  expect(items).toHaveLength(2);
});

test('one that went back stops the others, until somebody says that they go on', async () => {
  await look();
  await tell('lb-1', { version: OLD, failed: { version: NEW, reason: 'it did not report' } });
  expect(await ordered('lb-1')).toBeUndefined();
  await look();
  expect(await ordered('lb-2')).toBeUndefined();
  expect(await rollout()).toMatchObject({
    state: 'stopped',
    reason: expect.stringContaining('it did not report'),
  });
  await fleet.call('POST', '/v1/machines/lb-2/upgrade');
  await look();
  expect(await ordered('lb-2')).toMatchObject({ version: NEW });
  await tell('lb-2', { version: NEW });
  await fleet.call('PUT', ROLLOUT, { body: { paused: false } });
  await look();
  expect(await ordered('lb-1')).toMatchObject({ version: NEW });
});

test('none is begun while it is paused, and one that tells nothing is given up', async () => {
  await fleet.call('PUT', ROLLOUT, { body: { paused: true } });
  await look();
  expect(await ordered('lb-1')).toBeUndefined();
  expect(await rollout()).toMatchObject({ state: 'paused' });
  await fleet.call('PUT', ROLLOUT, { body: { paused: false } });
  await look();
  expect(await ordered('lb-1')).toBeDefined();
  clock.advance(15 * 60_000);
  await look();
  expect((await fleet.show('lb-1')).upgrade).toMatchObject({
    state: 'failed',
    reason: 'nothing was heard of it for a quarter of an hour',
  });
});

test('a machine on which nothing could upgrade the agent says so', async () => {
  await fleet.machines.get('lb-1')?.agent.tell({});
  const { status, body } = await fleet.call('POST', '/v1/machines/lb-1/upgrade');
  expect({ status, code: body.code }).toEqual({ status: 409, code: 'agent_not_upgradable' });
  expect(body.hint).toContain('agentmetal machine retry lb-1');
});
