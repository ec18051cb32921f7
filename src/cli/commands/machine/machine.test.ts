import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCli } from '../../../../test/support/cli/run-cli.ts';
import {
  type Fleet,
  HOST_KEY,
  PRIVATE_KEY,
  enrolPlayed,
  startFleet,
} from '../../../../test/support/fleet.ts';
import { temporaryDirectory } from '../../../../test/support/temporary.ts';
import { waitFor } from '../../../../test/support/wait.ts';
import { lookAtRollout } from '../../../server/upgrades/rollout.ts';
import { AppError } from '../../../base/errors.ts';

let fleet: Fleet;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let env: Record<string, string>;
let key: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
  key = join(directory.path, 'id_ed25519');
  await writeFile(key, PRIVATE_KEY);
  fleet = await startFleet();
  const url = await fleet.plane.server.listen();
  env = { AGENTMETAL_URL: url, AGENTMETAL_API_KEY: fleet.plane.key, HOME: directory.path };
});
afterEach(async () => {
  await fleet.stop();
  await directory.remove();
});

const machine = (line: string, more: Parameters<typeof runCli>[1] = {}) =>
  runCli(`machine ${line}`, { env, ...more });

describe('upgrade', () => {
  const [OLD, NEW] = ['0.1.0-aaaaaaaaaaaa', '0.2.0-bbbbbbbbbbbb'];
  beforeEach(async () => {
    const path = join(directory.path, `agentmetal-agent-${NEW}-linux-x64.tar.gz`);
    await writeFile(path, 'the agent');
    fleet.provisioner.bundle = async () => path;
    for (const [index, name] of ['lb-1', 'lb-2'].entries()) {
      const { agent } = await fleet.ready(name, `10.0.0.${index + 5}`);
      await agent.tell({ upgrader: { version: OLD } });
    }
  });
  const look = () => lookAtRollout(fleet.plane.server.context);
  const tell = (name: string, upgrader: object) =>
    fleet.machines.get(name)?.agent.tell({ upgrader: { version: OLD, ...upgrader } });
  const ordered = async (name: string) => (await fleet.machines.get(name)?.agent.desired())?.upgrade?.version;

  test('says how far it is, and pauses and goes on', async () => {
    expect(await machine('upgrade --pause')).toMatchObject({
      code: 0,
      out: expect.stringMatching(`^${NEW}: paused`),
    });
    await look();
    expect(await ordered('lb-1')).toBeUndefined();
    expect((await machine('upgrade --all')).out).toMatch(`${NEW}: running`);
    await look();
    expect(await ordered('lb-1')).toBe(NEW);
    for (const name of ['lb-1', 'lb-2']) await tell(name, { version: NEW });
    expect((await machine('upgrade')).out).toBe(`Every agent that can be upgraded has ${NEW}\n`);
    const { out } = await machine('upgrade -o json');
    expect(JSON.parse(out)).toEqual({ version: NEW, state: 'done', reason: '' });
  });

  test('one machine is next, though others are paused or one has failed', async () => {
    await look();
    await tell('lb-1', { failed: { version: NEW, reason: 'it did not report' } });
    expect((await machine('upgrade')).out).toMatch(/: stopped; .*lb-1.*it did not report/);
    expect((await machine('upgrade lb-2')).out).toBe(`Machine lb-2 is upgraded to ${NEW}\n`);
    await look();
    expect(await ordered('lb-2')).toBe(NEW);
    await tell('lb-2', { version: NEW });
    expect((await machine('upgrade lb-2')).out).toBe(`Machine lb-2 has ${NEW} already\n`);
    // Going on after a failure is somebody's word.
    await machine('upgrade --all');
    await look();
    expect(await ordered('lb-1')).toBe(NEW);
  });

  test('one thing at a time, of a machine that there is', async () => {
    for (const line of ['upgrade lb-1 --all', 'upgrade --all --pause'])
      expect(await machine(line)).toMatchObject({
        code: 2,
        err: expect.stringContaining('give the name of a machine, or --all, or --pause'),
      });
    expect((await machine('upgrade lb-9')).code).toBe(3);
  });
});

describe('add', () => {
  test('tells each step and prints the machine when it is ready', async () => {
    const { code, out, err } = await machine(
      `add 10.0.0.5 --user root --key ${key} --name lb-1 --public-ip 203.0.113.5 --label rack=a --host-key ${HOST_KEY}`,
    );
    expect({ code, err }).toEqual({ code: 0, err: expect.any(String) });
    expect(err).toMatch(/machine lb-1 is taken in\nconnect ✓ Debian GNU\/Linux 12 \(\d\.\d s\)\nreport ✓/);
    expect(err).toContain('Next: agentmetal lb create --name web-lb --type http --vpc default');
    expect(out).toMatch(/State: +online\n/);
    expect(out).toMatch(/Public address: +203\.0\.113\.5\n/);
    expect(out).toMatch(/connect +done +\d\.\d s +Debian GNU\/Linux 12\n/);
    expect(out + err).not.toContain('PRIVATE KEY');
  });

  test('shows the host key and asks', async () => {
    const yes = await machine(`add 10.0.0.5 --key ${key}`, { stdin: 'yes\n', terminal: true });
    expect(yes.code).toBe(0);
    expect(yes.err).toContain(`10.0.0.5 shows the host key ${HOST_KEY}`);
    const no = await machine(`add 10.0.0.6 --key ${key}`, { stdin: '\n', terminal: true });
    expect(no).toMatchObject({ code: 1, err: expect.stringContaining('was not agreed to') });
    expect((await machine(`add 10.0.0.6 --key ${key} --yes --debug`)).err).not.toContain('c2VjcmV0');
  });

  test('without a terminal the host key must be given', async () => {
    const { code, err } = await machine(`add 10.0.0.5 --key ${key}`);
    expect(code).toBe(2);
    expect(err).toContain(`--host-key ${HOST_KEY}, or --yes`);
    expect(fleet.provisioner.orders).toEqual([]);
  });

  test('a machine that cannot be made ready is a failure with its reason', async () => {
    fleet.provisioner.behave(() =>
      Promise.reject(new AppError('invalid_request', 'its key has a passphrase', { hint: 'Give another.' })),
    );
    const { code, err } = await machine(`add 10.0.0.5 --name lb-1 --key ${key} --yes`);
    expect(code).toBe(1);
    expect(err).toContain('lb-1 could not be made ready: its key has a passphrase');
    expect(err).toContain('agentmetal machine retry lb-1');
    expect((await machine('show lb-1')).out).toMatch(/Fault: +its key has a passphrase\. Give another\.\n/);
    fleet.provisioner.behave();
    expect((await machine('retry lb-1')).out).toMatch(/State: +online\n/);
  });

  test('--no-wait, and a wait that is over', async () => {
    fleet.provisioner.behave(() => new Promise(() => undefined));
    expect((await machine(`add 10.0.0.5 --key ${key} --yes --no-wait`)).out).toMatch(
      /State: +provisioning\n/,
    );
    const { code, err } = await machine(`add 10.0.0.6 --key ${key} --yes --timeout 20ms`);
    expect({ code, err }).toMatchObject({
      code: 7,
      err: expect.stringContaining('machine show lb-10-0-0-6'),
    });
    fleet.provisioner.behave();
    await fleet.call('DELETE', '/v1/machines/lb-10-0-0-5?force=true');
    await fleet.call('DELETE', '/v1/machines/lb-10-0-0-6?force=true');
  });

  test.each([
    ['add', 'the address is missing'],
    ['add 10.0.0.5 --key /nowhere', 'cannot be read'],
    ['add --manual --name a --key b', 'takes no --user, --port, --key and --host-key'],
  ])('%s says what is wrong', async (line, detail) => {
    const { code, err } = await machine(line);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining(detail) });
  });

  test('--manual prints the line to type and waits for the machine', async () => {
    const running = machine('add --manual --name lb-3');
    const token = await waitFor('the machine', async () => {
      const { body } = await fleet.call('GET', '/v1/machines/lb-3');
      return body?.state === 'provisioning';
    }).then(async () => {
      const { body } = await fleet.call('POST', '/v1/machines/lb-3/retry', { body: {} });
      return /ame_[\w-]+/.exec(body.enrolment.command)?.[0] ?? '';
    });
    await enrolPlayed(fleet.plane, fleet.machines, 'lb-3', token);
    const { code, out, err } = await running;
    expect(code).toBe(0);
    expect(out).toMatch(/^printf .* \| curl .*\/v1\/agent\/install \| sudo sh\n$/);
    expect(err).toMatch(/enrol ✓ .*\nreport ✓ .*\nMachine lb-3 is ready\n/);
  });
});

test('list, drain, enable and remove', async () => {
  await fleet.call('POST', '/v1/vpcs', { body: { name: 'prod', spec: { cidrs: ['10.0.0.0/16'] } } });
  await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod', labels: { rack: 'a' } });
  await runCli('lb create --name web-lb --type http --vpc prod --no-wait', { env });
  await fleet.work();
  expect((await machine('list -l rack=a')).out).toMatch(
    /\nlb-1 +ssh +online +prod +10\.0\.0\.5 +web-lb +2\.6\.12 /,
  );
  expect((await runCli('lb show web-lb', { env })).out).toMatch(/\n {2}lb-1 /);

  const stuck = await machine('drain lb-1 --timeout 20ms');
  expect(stuck).toMatchObject({ code: 7 });
  expect((await machine('show lb-1')).out).toMatch(/State: +draining\n/);
  const refused = await machine('remove lb-1 --yes');
  expect(refused).toMatchObject({ code: 4, err: expect.stringContaining('lb-1 serves web-lb') });
  await fleet.ready('lb-2', '10.0.0.6', { vpc: 'prod' });
  const draining = machine('drain lb-1');
  await waitFor('web-lb to have moved', async () => {
    await fleet.work();
    return (await fleet.show('lb-1')).loadBalancer === null;
  });
  expect(await draining).toMatchObject({ code: 0, out: 'Machine lb-1 is drained: nothing is on it\n' });
  expect((await machine('enable lb-1')).out).toBe('Machine lb-1 may be used again\n');
  expect((await machine('remove lb-1')).code).toBe(2);
  expect((await machine('remove lb-1 --yes')).out).toBe('Machine lb-1 removed\n');
  expect((await machine('remove lb-2 --yes --force')).err).toContain('is still there');
  expect((await machine('list')).out).not.toContain('lb-');
});

test('several nodes and floating addresses', async () => {
  const created = await runCli('vpc create prod --cidr 10.0.0.0/16 --floating 10.0.9.0/29', { env });
  expect(created.code).toBe(0);
  expect((await runCli('vpc show prod', { env })).out).toMatch(/Floating: +10\.0\.9\.0\/29\n/);
  await runCli('lb create --name web-lb --type http --vpc prod --nodes 2 --no-wait', { env });
  expect((await runCli('lb show web-lb', { env })).out).toContain(
    'agentmetal machine add ADDRESS --vpc prod',
  );
  const waited = await runCli('lb update web-lb --label env=prod --timeout 20ms', { env });
  expect(waited).toMatchObject({ code: 7, err: expect.stringContaining('2 are missing, and none is free') });
  await runCli('lb update web-lb --nodes 1 --no-wait', { env });
  expect((await fleet.call('GET', '/v1/load-balancers/web-lb')).body.spec.nodes).toBe(1);
});
