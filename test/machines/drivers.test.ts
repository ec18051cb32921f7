import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerMachine } from '../../src/machines/container/driver.ts';
import type { Machine } from '../../src/machines/driver.ts';
import { createSshDriver } from '../../src/machines/ssh/driver.ts';
import { describeDriver } from '../support/machines/driver-contract.ts';
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

for (const each of drivers) describeDriver({ ...each, reason });

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
