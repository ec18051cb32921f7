import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { adjustableClock, createWebLb, startControlPlane } from '../../../test/support/control-plane.ts';
import { type Fleet, HOST_KEY, PRIVATE_KEY, enrolPlayed, startFleet } from '../../../test/support/fleet.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { AppError } from '../../base/errors.ts';
import type { MachineProvisioner } from './provisioner.ts';

let fleet: Fleet;
let clock: ReturnType<typeof adjustableClock>;
beforeEach(async () => {
  clock = adjustableClock();
  fleet = await startFleet({ clock });
});
afterEach(() => fleet.stop());

/** An attempt that goes on until it is broken off. */
const hang: MachineProvisioner['provision'] = (_order, _onStep, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('broken off')), { once: true });
  });
const failWith =
  (...error: ConstructorParameters<typeof AppError>): MachineProvisioner['provision'] =>
  () =>
    Promise.reject(new AppError(...error));

describe('adding', () => {
  test('a machine is made ready step by step and is online when its agent reports', async () => {
    const answer = await fleet.add('10.0.0.5', {
      name: 'lb-1',
      port: 2222,
      user: 'debian',
      publicAddress: '203.0.113.5',
      labels: { rack: 'a' },
    });
    expect(answer).toMatchObject({
      status: 201,
      headers: { location: `/v1/machines/${answer.body.id}` },
      body: { name: 'lb-1', driver: 'ssh', state: 'provisioning', vpc: 'default', loadBalancer: null },
    });
    const machine = await fleet.waitForState('lb-1', 'online');
    expect(machine).toMatchObject({
      labels: { rack: 'a' },
      address: '10.0.0.5',
      publicAddress: '203.0.113.5',
      ssh: { port: 2222, user: 'debian', hostKey: HOST_KEY },
      fault: null,
      os: 'Debian GNU/Linux 12 (bookworm)',
      agentVersion: '0.1.0',
      haproxyVersion: '2.6.12',
      steps: [
        { name: 'connect', state: 'done', detail: 'Debian GNU/Linux 12', ms: 0 },
        { name: 'report', state: 'done' },
      ],
    });
    const [order] = fleet.provisioner.orders;
    expect(order?.target).toEqual({
      host: '10.0.0.5',
      port: 2222,
      user: 'debian',
      hostKey: HOST_KEY,
      privateKey: PRIVATE_KEY,
    });
    expect(order?.agent).toMatchObject({ machine: 'lb-1', certificate: fleet.listener.certificate });
    expect(order?.agent.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect((await fleet.call('GET', '/v1/machines?labelSelector=rack=a')).body.items).toEqual([machine]);
  });

  test('neither the private key nor a token is answered or lies in the store', async () => {
    await fleet.ready('lb-1', '10.0.0.5');
    const answers = [
      await fleet.call('GET', '/v1/machines'),
      await fleet.call('GET', '/v1/machines/lb-1'),
      await fleet.call('PATCH', '/v1/machines/lb-1', { body: { labels: {} } }),
    ];
    const files = (await readdir(fleet.plane.dataDir)).filter((name) => name.startsWith('agentmetal.db'));
    const stored = await Promise.all(
      files.map((name) => readFile(join(fleet.plane.dataDir, name), 'latin1')),
    );
    expect(files.length).toBeGreaterThan(0);
    const secrets = ['c2VjcmV0LW9mLXRoZS1tYWNoaW5l', fleet.provisioner.orders[0]?.agent.token ?? ''];
    for (const secret of secrets)
      for (const text of [...answers.map((answer) => answer.text), ...stored])
        expect(text.includes(secret)).toBe(false);
  });

  test('a name is made of the address where none is given', async () => {
    expect((await fleet.add('10.0.0.5')).body.name).toBe('lb-10-0-0-5');
    expect((await fleet.add('fd00::5')).body.name).toBe('lb-fd00-5');
  });

  const BAD_FIELDS = [
    [{ address: '192.0.2.1' }, '/address', 'outside_vpc'],
    [{ vpc: 'nowhere' }, '/vpc', 'unknown_vpc'],
    [{ hostKey: 'SHA256:short' }, '/hostKey', 'invalid_value'],
    [{ privateKey: 'nonsense' }, '/privateKey', 'invalid_value'],
    [{ user: 'root; reboot' }, '/user', 'invalid_value'],
    [{ address: 'lb-1.example.com' }, '/address', 'invalid_value'],
    [{ colour: 'red' }, '/colour', 'unknown_field'],
  ] as const;
  test('a bad field is refused', async () => {
    for (const [field, pointer, code] of BAD_FIELDS) {
      const answer = await fleet.add('10.0.0.5', { name: 'lb-1', ...field });
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0]).toMatchObject({ pointer, code });
    }
    expect((await fleet.call('GET', '/v1/machines')).body.items).toHaveLength(1);
  });

  test('a name or an address that is there already is refused', async () => {
    await fleet.add('10.0.0.5', { name: 'lb-1' });
    expect((await fleet.add('10.0.0.6', { name: 'lb-1' })).body.code).toBe('name_taken');
    expect((await fleet.add('10.0.0.6', { name: 'local' })).body.code).toBe('name_taken');
    const again = await fleet.add('10.0.0.5', { name: 'lb-2' });
    expect(again.body).toMatchObject({ code: 'machine_exists', hint: expect.stringContaining('lb-1') });
    expect((await fleet.add('10.0.0.5', { name: 'lb-2', port: 2222 })).status).toBe(201);
  });

  test('without a place where machines reach it, the control plane says how to get one', async () => {
    const plain = await startControlPlane();
    const body = { driver: 'ssh', address: '10.0.0.5', privateKey: PRIVATE_KEY, hostKey: HOST_KEY };
    const answer = await plain.call('POST', '/v1/machines', { body });
    await plain.stop();
    expect(answer.body).toMatchObject({
      code: 'agent_listener_off',
      hint: expect.stringContaining('agentmetal up --agent-listen 0.0.0.0:8443'),
    });
  });

  test('the host key is looked at from the control plane', async () => {
    const answer = await fleet.call('POST', '/v1/machines/host-key', { body: { address: '10.0.0.5' } });
    expect(answer).toMatchObject({ status: 200, body: { hostKey: HOST_KEY } });
  });
});

describe('the queue', () => {
  test('tries again by itself what may pass, and says when', async () => {
    const usual = fleet.provisioner.orders;
    fleet.provisioner.behave(failWith('unavailable', 'the package server is away', { hint: 'Wait.' }));
    await fleet.add('10.0.0.5', { name: 'lb-1' });
    const waiting = await waitFor('the first fault', async () => {
      const machine = await fleet.show('lb-1');
      return machine.fault ? machine : undefined;
    });
    expect(waiting).toMatchObject({
      state: 'provisioning',
      fault: { code: 'unavailable', detail: 'the package server is away', hint: 'Wait.' },
      steps: [{ name: 'connect', state: 'failed', detail: 'the package server is away' }],
    });
    const waitMs = Date.parse(waiting.fault?.retryAt ?? '') - clock.now();
    expect(waitMs).toBeGreaterThanOrEqual(2500);
    expect(waitMs).toBeLessThanOrEqual(5000);
    fleet.provisioner.behave();
    clock.advance(5000);
    fleet.wake();
    expect(await fleet.waitForState('lb-1', 'online')).toMatchObject({ fault: null });
    expect(usual).toHaveLength(2);
    expect(usual[0]?.agent.token).not.toBe(usual[1]?.agent.token);
  });

  test('gives up after some attempts', async () => {
    fleet.provisioner.behave(failWith('unavailable', 'no'));
    await fleet.add('10.0.0.5', { name: 'lb-1' });
    const failed = await waitFor('the end', async () => {
      clock.advance(300_000);
      fleet.wake();
      const machine = await fleet.show('lb-1');
      return machine.state === 'failed' ? machine : undefined;
    });
    expect(failed.fault?.retryAt).toBeNull();
    expect(fleet.provisioner.orders).toHaveLength(6);
  });

  test('leaves to somebody what only they can mend, and goes on when told', async () => {
    fleet.provisioner.behave(
      failWith('invalid_request', 'the key has a passphrase', { hint: 'Give another key.' }),
    );
    await fleet.add('10.0.0.5', { name: 'lb-1' });
    expect(await fleet.waitForState('lb-1', 'failed')).toMatchObject({
      fault: { code: 'invalid_request', retryAt: null },
    });
    expect(fleet.provisioner.orders).toHaveLength(1);
    fleet.provisioner.behave();
    const hostKey = `SHA256:${'b'.repeat(43)}`;
    const privateKey = PRIVATE_KEY.replace('c2VjcmV0', 'b3RoZXIh');
    const answer = await fleet.call('POST', '/v1/machines/lb-1/retry', { body: { hostKey, privateKey } });
    expect(answer.body).toMatchObject({ state: 'provisioning', fault: null, ssh: { hostKey } });
    await fleet.waitForState('lb-1', 'online');
    expect(fleet.provisioner.orders[1]?.target).toMatchObject({ hostKey, privateKey });
  });

  test('a fault of our own is no user’s business, and is tried again', async () => {
    fleet.provisioner.behave(() => Promise.reject(new Error('secret words')));
    await fleet.add('10.0.0.5', { name: 'lb-1' });
    const { fault } = await waitFor('the fault', async () => {
      const machine = await fleet.show('lb-1');
      return machine.fault ? machine : undefined;
    });
    expect(fault).toMatchObject({ code: 'internal', detail: expect.not.stringContaining('secret') });
    expect(fault?.retryAt).not.toBeNull();
  });

  test('what a restart broke off is begun again', async () => {
    fleet.provisioner.behave(hang);
    await fleet.add('10.0.0.5', { name: 'lb-1' });
    await waitFor('the attempt', () => fleet.provisioner.orders.length === 1);
    fleet.provisioner.behave();
    await fleet.restart();
    expect(await fleet.waitForState('lb-1', 'online')).toMatchObject({ fault: null });
    expect(fleet.provisioner.orders).toHaveLength(2);
  });

  test('at most four at once', async () => {
    fleet.provisioner.behave(hang);
    for (let index = 1; index <= 6; index += 1) await fleet.add(`10.0.0.${index}`, { name: `lb-${index}` });
    await waitFor('four attempts', () => fleet.provisioner.orders.length === 4);
    for (const name of ['lb-1', 'lb-2', 'lb-3', 'lb-4'])
      await fleet.call('DELETE', `/v1/machines/${name}?force=true`);
    await waitFor('the other two', () => fleet.provisioner.orders.length === 6);
  });

  test('an agent that enrols and does not report is a fault', async () => {
    fleet.provisioner.behave(() => Promise.resolve());
    await fleet.add('10.0.0.5', { name: 'lb-1' });
    await waitFor('the wait for the report', async () =>
      (await fleet.show('lb-1')).steps.some(({ name, state }) => name === 'report' && state === 'running'),
    );
    clock.advance(61_000);
    fleet.plane.server.context.changes.notify('placement');
    const { fault } = await waitFor('the fault', async () => {
      const machine = await fleet.show('lb-1');
      return machine.fault ? machine : undefined;
    });
    expect(fault).toMatchObject({ code: 'agent_unavailable' });
  });
});

describe('removing', () => {
  test('takes off what was put there, and its credential is worth nothing at once', async () => {
    const { agent, token } = await fleet.ready('lb-1', '10.0.0.5');
    const [begun, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    fleet.provisioner.onRelease = () => {
      begun.resolve();
      return released.promise;
    };
    const answer = await fleet.call('DELETE', '/v1/machines/lb-1');
    expect(answer).toMatchObject({ status: 202, body: { state: 'removing' } });
    expect((await agent.report()).status).toBe(401);
    expect((await fleet.call('GET', '/v1/agent/desired', { key: token })).status).toBe(401);
    await begun.promise;
    released.resolve();
    await waitFor('its end', async () => (await fleet.call('GET', '/v1/machines/lb-1')).status === 404);
    expect(fleet.provisioner.released[0]).toMatchObject({ host: '10.0.0.5', privateKey: PRIVATE_KEY });
    expect((await fleet.add('10.0.0.5', { name: 'lb-1' })).status).toBe(201);
  });

  test('breaks off its being made ready', async () => {
    fleet.provisioner.behave(hang);
    await fleet.add('10.0.0.5', { name: 'lb-1' });
    await waitFor('the attempt', () => fleet.provisioner.orders.length === 1);
    await fleet.call('DELETE', '/v1/machines/lb-1');
    await waitFor('its end', async () => (await fleet.call('GET', '/v1/machines/lb-1')).status === 404);
    expect(fleet.provisioner.released).toHaveLength(1);
  });

  test('a machine out of reach stays with the reason, and goes when it must', async () => {
    await fleet.ready('lb-1', '10.0.0.5');
    fleet.provisioner.onRelease = () => Promise.reject(new AppError('unavailable', 'no route to host'));
    await fleet.call('DELETE', '/v1/machines/lb-1');
    const machine = await waitFor('the fault', async () => {
      const seen = await fleet.show('lb-1');
      return seen.fault ? seen : undefined;
    });
    expect(machine).toMatchObject({ state: 'removing', fault: { detail: 'no route to host' } });
    expect((await fleet.call('POST', '/v1/machines/lb-1/retry', { body: {} })).body.code).toBe(
      'machine_in_use',
    );
    expect((await fleet.call('DELETE', '/v1/machines/lb-1?force=true')).status).toBe(204);
    expect((await fleet.call('GET', '/v1/machines/lb-1')).status).toBe(404);
  });

  test('the control plane’s own host stays', async () => {
    expect((await fleet.call('DELETE', '/v1/machines/local')).body.code).toBe('forbidden');
    expect((await fleet.call('PATCH', '/v1/machines/local', { body: { draining: true } })).status).toBe(403);
    expect(await fleet.show('local')).toMatchObject({ driver: 'local', vpc: null, steps: [] });
  });

  test('a VPC with machines stays', async () => {
    await createWebLb(fleet);
    await fleet.call('DELETE', '/v1/load-balancers/web-lb');
    await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
    const answer = await fleet.call('DELETE', '/v1/vpcs/prod');
    expect(answer.body).toMatchObject({ code: 'vpc_in_use', hint: expect.stringContaining('lb-1') });
  });
});

describe('dry runs and roles', () => {
  test('a dry run changes nothing', async () => {
    const body = { driver: 'ssh', address: '10.0.0.5', privateKey: PRIVATE_KEY, hostKey: HOST_KEY };
    expect((await fleet.call('POST', '/v1/machines?dryRun=true', { body })).body).toMatchObject({
      dryRun: true,
    });
    await fleet.ready('lb-1', '10.0.0.5');
    const drain = { body: { draining: true } };
    expect((await fleet.call('PATCH', '/v1/machines/lb-1?dryRun=true', drain)).body.diff).toEqual([
      { pointer: '/draining', from: false, to: true },
    ]);
    expect((await fleet.call('DELETE', '/v1/machines/lb-1?dryRun=true')).status).toBe(200);
    expect((await fleet.call('POST', '/v1/machines/lb-1/retry?dryRun=true', { body: {} })).status).toBe(200);
    expect((await fleet.show('lb-1')).state).toBe('online');
    expect((await fleet.call('GET', '/v1/machines')).body.items).toHaveLength(2);
  });

  test('an operator may drain and no more', async () => {
    await fleet.ready('lb-1', '10.0.0.5');
    const made = await fleet.call('POST', '/v1/keys', { body: { name: 'ops', role: 'operator' } });
    const as = (method: string, path: string, body?: unknown) =>
      fleet.call(method, path, { key: made.body.key, body });
    expect((await as('PATCH', '/v1/machines/lb-1', { draining: true })).body.state).toBe('draining');
    expect((await as('PATCH', '/v1/machines/lb-1', { draining: false })).body.state).toBe('online');
    expect((await as('DELETE', '/v1/machines/lb-1')).status).toBe(403);
    expect((await as('POST', '/v1/machines/lb-1/retry', {})).status).toBe(403);
    expect((await as('POST', '/v1/machines/host-key', { address: '10.0.0.5' })).status).toBe(403);
  });
});

describe('a machine to which nobody can log in', () => {
  const add = (body: object = {}) =>
    fleet.call('POST', '/v1/machines', { body: { driver: 'manual', name: 'lb-1', ...body } });
  const tokenOf = (command: string) => /ame_[\w-]+/.exec(command)?.[0] ?? '';

  test('comes in by the line that is shown once, and tells its own address', async () => {
    const { body } = await add();
    expect(body).toMatchObject({ driver: 'manual', state: 'provisioning', address: null, ssh: null });
    const { command } = body.enrolment;
    expect(command).toContain(`--pinnedpubkey '${fleet.listener.pin}'`);
    expect(command).toMatch(/^printf .* \| curl .* \| sudo sh$/);
    expect(await fleet.show('lb-1')).not.toHaveProperty('enrolment');
    const script = await fleet.call('GET', '/v1/agent/install', { key: tokenOf(command) });
    expect(script).toMatchObject({ status: 200, text: expect.stringContaining('# lb-1 ame_') });
    await enrolPlayed(fleet.plane, fleet.machines, 'lb-1', tokenOf(command));
    expect(await fleet.waitForState('lb-1', 'online')).toMatchObject({
      address: '10.0.0.99',
      steps: [
        { name: 'enrol', state: 'done' },
        { name: 'report', state: 'done' },
      ],
    });
    expect((await fleet.call('DELETE', '/v1/machines/lb-1')).status).toBe(204);
  });

  test('without an address in its VPC it says so', async () => {
    await fleet.call('POST', '/v1/vpcs', { body: { name: 'prod', spec: { cidrs: ['10.9.0.0/16'] } } });
    const { body } = await add({ vpc: 'prod' });
    await enrolPlayed(fleet.plane, fleet.machines, 'lb-1', tokenOf(body.enrolment.command));
    expect(await fleet.waitForState('lb-1', 'failed')).toMatchObject({
      fault: { code: 'no_address_in_vpc' },
    });
  });

  test('a line that nobody types is worth nothing after ten minutes, and another one is to be had', async () => {
    const first = tokenOf((await add()).body.enrolment.command);
    clock.advance(10 * 60_000);
    fleet.wake();
    expect(await fleet.waitForState('lb-1', 'failed')).toMatchObject({
      fault: { code: 'enrolment_expired' },
    });
    expect((await fleet.call('GET', '/v1/agent/install', { key: first })).status).toBe(403);
    const again = await fleet.call('POST', '/v1/machines/lb-1/retry', { body: {} });
    const second = tokenOf(again.body.enrolment.command);
    expect((await enrolPlayed(fleet.plane, fleet.machines, 'lb-1', first)).body).toMatchObject({
      code: 'enrolment_refused',
    });
    await enrolPlayed(fleet.plane, fleet.machines, 'lb-1', second);
    await fleet.waitForState('lb-1', 'online');
    expect((await fleet.call('GET', '/v1/agent/bundle', { key: second })).status).toBe(403);
  });

  test('a name is needed', async () => {
    const answer = await fleet.call('POST', '/v1/machines', { body: { driver: 'manual' } });
    expect(answer.body.errors).toMatchObject([{ pointer: '/name', code: 'required' }]);
  });
});
