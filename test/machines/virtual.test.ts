import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LibvirtMachine } from '../../src/machines/libvirt/driver.ts';
import { describeDriver } from '../support/machines/driver-contract.ts';
import { whyNoVirtualMachines } from '../support/machines/libvirtd.ts';
import { type VirtualWorld, startVirtualWorld } from '../support/machines/virtual-world.ts';
import { calm, onMachine } from '../support/machines/world.ts';

const LONG_MS = 20 * 60_000;

const reason = whyNoVirtualMachines();
if (reason !== undefined) console.warn(`skipped: ${reason}`);

let world: VirtualWorld;

beforeAll(async () => {
  if (reason === undefined) world = await startVirtualWorld();
}, 1_800_000);
afterAll(() => world?.close(), LONG_MS);

describeDriver({ kind: 'libvirt', reason, create: () => world.create('made') });

describe.skipIf(reason !== undefined)('virtual machines', { timeout: LONG_MS }, () => {
  let one: LibvirtMachine;
  let other: LibvirtMachine;

  beforeAll(async () => {
    one = await world.create('web-1');
    other = await world.create('web-2');
    await Promise.all([one.wait(calm), other.wait(calm)]);
  }, LONG_MS);

  test('of one template are no twins', async () => {
    const look = (machine: LibvirtMachine) =>
      onMachine(
        machine,
        `hostname; cat /etc/machine-id; cat /sys/class/net/eth0/address; cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub; head -c 16 /dev/urandom | od -An -tx1`,
      );
    const [mine, theirs] = (await Promise.all([look(one), look(other)])).map((text) => text.split('\n'));
    expect(mine?.[0]).toBe('web-1');
    expect(theirs?.[0]).toBe('web-2');
    expect(mine).toHaveLength(5);
    for (const [index, line] of (mine ?? []).entries()) expect(theirs?.[index]).not.toBe(line);
  });

  test('have the time of the host, not that of when the template was saved', async () => {
    const seconds = async () => Number(await onMachine(one, 'date +%s'));
    expect(Math.abs((await seconds()) - Date.now() / 1000)).toBeLessThan(30);
    await onMachine(one, 'date -s @1000000000; systemctl start agentmetal-clock');
    expect(Math.abs((await seconds()) - Date.now() / 1000)).toBeLessThan(30);
  });

  test('have a kernel of their own, and their addresses', async () => {
    expect(await onMachine(one, 'systemd-detect-virt')).toMatch(/^(qemu|kvm)$/);
    const addresses = await onMachine(one, 'ip -o address show');
    expect(addresses).toMatch(/eth0 +inet 10\.91\.0\.11\/24/);
    expect(addresses).toMatch(/eth1 +inet 198\.51\.100\.11\/24/);
    expect(await onMachine(one, 'ip route show default')).toMatch(/^default via 198\.51\.100\.1 dev eth1/);
    expect(await onMachine(one, `timeout 60 bash -c 'exec 3<>/dev/tcp/10.91.0.12/22 && head -c 4 <&3'`)).toBe(
      'SSH-',
    );
  });

  test('leave no domain and no disk', async () => {
    const { domain, console: path } = other.virtualMachine;
    expect(await world.domains()).toContain(domain);
    expect(existsSync(path)).toBe(true);
    await other.destroy(calm);
    expect(await world.domains()).not.toContain(domain);
    expect(await readdir(world.folder)).not.toContain('machine-web-2');
  });

  test(
    'come back after a power cut with what they had',
    async () => {
      await onMachine(one, 'echo kept >/root/file; sync');
      await one.virtualMachine.crash();
      await expect(one.connect(AbortSignal.timeout(1000))).rejects.toMatchObject({
        code: expect.stringMatching(/^machine_(unreachable|connection_lost)$/),
      });
      expect(await world.keep('web-1')).toBe(true);
      await one.wait(calm);
      expect(await onMachine(one, 'cat /root/file; hostname')).toBe('kept\nweb-1');
      expect(await world.keep('web-1')).toBe(false);
    },
    LONG_MS,
  );
});
