import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerMachine } from '../../src/machines/container/driver.ts';
import type { Machine } from '../../src/machines/driver.ts';
import { createSshDriver } from '../../src/machines/ssh/driver.ts';
import {
  type MachineWorld,
  calm,
  onMachine,
  startWorld,
  whyNoContainers,
} from '../support/machines/world.ts';

const reason = await whyNoContainers();
if (reason !== undefined) console.warn(`skipped: ${reason}`);

let world: MachineWorld;

beforeAll(async () => {
  if (reason === undefined) world = await startWorld();
}, 600_000);
afterAll(() => world?.close());

/** What every driver's machine is like. */
const drivers: { kind: string; create(): Promise<Machine> }[] = [
  { kind: 'container', create: () => world.create({ name: 'made', release: 'trixie' }) },
  {
    kind: 'ssh',
    create: async () => {
      const { target } = await world.create({ name: 'found', release: 'bookworm' });
      return createSshDriver().create(target, calm);
    },
  },
];

describe.skipIf(reason !== undefined).each(drivers)('a machine of the driver $kind', ({ create }) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await create();
    await machine.wait(calm);
  }, 120_000);

  const run = async (line: string) => {
    const connection = await machine.connect(calm);
    const end = await connection.run('/bin/sh -s', line, 30_000);
    connection.close();
    return end;
  };

  test('runs commands as root, and tells how they ended', async () => {
    expect(await run('id -un; echo oh >&2; exit 3')).toEqual({ code: 3, stdout: 'root\n', stderr: 'oh\n' });
    expect((await run('kill -9 $$')).code).toBeUndefined();
  });

  test('has a systemd that is well', async () => {
    expect((await run('systemctl is-system-running --wait')).stdout).toBe('running\n');
  });

  test('is not connected to when its host key is another one', async () => {
    const impostor = createSshDriver().create({ ...machine.target, hostKey: 'SHA256:other' }, calm);
    await expect(impostor).rejects.toMatchObject({ code: 'host_key_changed' });
  });

  test('stops what runs when nobody waits any longer', async () => {
    const abort = new AbortController();
    const connection = await machine.connect(abort.signal);
    const ended = connection.run('/bin/sh -s', 'sleep 60', 60_000);
    abort.abort();
    await expect(ended).rejects.toMatchObject({ code: 'machine_connection_lost' });
    const slow = await machine.connect(calm);
    await expect(slow.run('/bin/sh -s', 'sleep 60', 50)).rejects.toMatchObject({
      code: 'machine_connection_lost',
    });
    slow.close();
  });

  test('has nothing of ours after a reset, and is the same machine', async () => {
    await run('mkdir -p /etc/agentmetal/before /opt/agentmetal /var/lib/agentmetal-agent');
    await machine.reset(calm);
    await machine.wait(calm);
    const { stdout } = await run(
      'ls -d /etc/agentmetal /opt/agentmetal /var/lib/agentmetal-agent 2>/dev/null',
    );
    expect(stdout).toBe('');
  });

  test('can be let go of twice', async () => {
    await machine.destroy(calm);
    await machine
      .destroy(calm)
      .catch((error: unknown) => expect(error).toMatchObject({ code: 'machine_unreachable' }));
  });
});

describe.skipIf(reason !== undefined)('containers', () => {
  let machines: ContainerMachine[];

  beforeAll(async () => {
    machines = [
      await world.create({ name: 'web-1', release: 'trixie', vpc: 'prod', address: '10.90.0.200' }),
      await world.create({ name: 'web-2', release: 'bookworm', vpc: 'prod' }),
      await world.create({ name: 'db-1', release: 'trixie', vpc: 'test', address: '10.90.0.200' }),
    ];
  }, 120_000);

  test('find each other by name, in their own VPC alone', async () => {
    const [one, two, other] = machines;
    if (!one || !two || !other) throw new Error('there are no machines');
    const look = (machine: ContainerMachine, name: string) =>
      onMachine(machine, `getent hosts ${name} | cut -d' ' -f1`);
    expect(await look(two, 'web-1')).toBe('10.90.0.200');
    expect(await look(two, 'web-1.prod.internal')).toBe('10.90.0.200');
    expect(await look(other, 'web-1')).toBe('');
    expect(await look(other, 'db-1')).toBe('10.90.0.200');
  });

  test('of two VPCs with the same addresses do not meet', async () => {
    const [one, two, other] = machines;
    if (!one || !two || !other) throw new Error('there are no machines');
    const answers = () =>
      onMachine(
        two,
        `timeout 2 bash -c 'exec 3<>/dev/tcp/10.90.0.200/22 && head -c 4 <&3' 2>/dev/null || echo no`,
      );
    expect(await answers()).toBe('SSH-');
    await one.container.stop();
    expect(await onMachine(other, 'hostname -I')).toContain('10.90.0.200');
    expect(await answers()).toBe('no');
    await one.container.start();
    await one.wait(calm);
  });

  test('come back after a power cut with what they had', async () => {
    const [machine] = machines;
    if (!machine) throw new Error('there are no machines');
    await onMachine(machine, 'echo kept >/root/file; sync');
    await machine.container.crash();
    expect(await machine.container.isRunning()).toBe(false);
    await expect(machine.connect(AbortSignal.timeout(300))).rejects.toMatchObject({
      code: 'machine_connection_lost',
    });
    await machine.container.start();
    await machine.wait(calm);
    expect(await onMachine(machine, 'cat /root/file')).toBe('kept');
    await machine.container.stop();
    expect(await machine.container.isRunning()).toBe(false);
  });
});
