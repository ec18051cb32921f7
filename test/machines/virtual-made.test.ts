import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { portName } from '../../src/machines/network/links.ts';
import { ask } from '../support/ask.ts';
import { run } from '../support/command.ts';
import { networks } from '../support/machines/host-state.ts';
import { type TestLibvirt, startLibvirt, whyNoVirtualMachines } from '../support/machines/libvirtd.ts';
import { type MadePlane, type MadeVpc, startMadePlane } from '../support/machines/made-plane.ts';
import {
  VIRTUAL_IMAGES,
  VIRTUAL_MACHINE,
  waitForVirtualImages,
  whySlow,
} from '../support/machines/virtual-images.ts';
import { askInside } from '../support/machines/vpc-host.ts';
import { roomyFolder } from '../support/machines/world.ts';
import { waitFor } from '../support/wait.ts';

/** In software, with everything else at the same time. */
const LONG_MS = 15 * 60_000;

const reason = whyNoVirtualMachines();
if (reason !== undefined) console.warn(`skipped: ${reason}`);

const outside = '192.0.2';

describe.skipIf(reason !== undefined)('a VPC whose machines are virtual ones', () => {
  let plane: MadePlane;
  let prod: MadeVpc;
  let libvirt: TestLibvirt;
  let folder: string;
  let slow: string | undefined;

  beforeAll(async () => {
    await waitForVirtualImages();
    slow = await whySlow();
    if (slow !== undefined) return;
    folder = await mkdtemp(join(await roomyFolder(), 'am-'));
    // QEMU is another user.
    await chmod(folder, 0o711);
    libvirt = await startLibvirt();
    plane = await startMadePlane({ uri: libvirt.uri, folder, imageFolder: VIRTUAL_IMAGES });
    const driver = { type: 'libvirt', ...VIRTUAL_MACHINE, public: { cidr: `${outside}.0/28` } };
    const host = { address: '10.60.0.7/24', text: 'web-1 of prod' };
    prod = await plane.createVpc('prod', { cidrs: ['10.60.0.0/24'], driver }, host);
    await plane.put('/v1/vpcs/prod/hosts/web-1', { addresses: ['10.60.0.7'] });
  }, 1_800_000);
  afterAll(async () => {
    await plane?.stop();
    await libvirt?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }, LONG_MS);

  const answer = async () => (await ask(`http://${outside}.2/`).catch(() => undefined))?.body;

  test(
    'serves by one, which is gone with its load balancer',
    async ({ skip }) => {
      skip(slow !== undefined, slow);
      const started = performance.now();
      const backends = [{ target: 'web-1:8080' }];
      await plane.post('/v1/load-balancers', {
        name: 'web-lb',
        spec: { type: 'http', vpc: 'prod', backends },
      });
      await waitFor('an answer', async () => (await answer()) === 'web-1 of prod', LONG_MS);
      console.warn(`first answer after ${Math.round((performance.now() - started) / 1000)} s`);
      const [machine, ...others] = await plane.machines();
      expect(others).toEqual([]);
      expect(machine).toMatchObject({
        driver: 'libvirt',
        address: '10.60.0.2',
        fault: null,
        loadBalancer: 'web-lb',
      });
      expect(await askInside(prod.namespace, 'http://10.60.0.2/')).toBe('web-1 of prod');
      const [domain = '', ...more] = await libvirt.domains();
      expect(more).toEqual([]);
      expect(domain).toMatch(new RegExp(`^${machine?.name}-[0-9a-f]{8}$`));

      const disks = join(folder, machine?.id ?? '');
      const inVpc = async () =>
        (await run('ip', ['-n', prod.namespace, '-o', 'link', 'show'], process.env)).stdout;
      const port = (nic: string) => portName(disks, nic);
      expect(await inVpc()).toContain(` ${port('eth0')}: `);
      const ports = ['eth1', 'host0'].map((nic) => `link ${port(nic)}`);
      expect(await networks()).toEqual(expect.arrayContaining(ports));

      await plane.remove('/v1/load-balancers/web-lb');
      await waitFor('the machine to be gone', async () => (await plane.machines()).length === 0, LONG_MS);
      expect(await libvirt.domains()).toEqual([]);
      expect(await readdir(folder)).toEqual([]);
      expect(await readdir(join(plane.dataDir, 'machines'))).not.toContain(machine?.id);
      expect(await inVpc()).not.toContain(port('eth0'));
      const there = await networks();
      expect(ports.filter((line) => there.includes(line))).toEqual([]);
    },
    LONG_MS,
  );

  test('says why it makes none while libvirt does not answer', async ({ skip }) => {
    skip(slow !== undefined, slow);
    await libvirt.stop();
    await plane.post('/v1/load-balancers', { name: 'late-lb', spec: { type: 'http', vpc: 'prod' } });
    const condition = await waitFor(
      'the reason',
      async () =>
        (await plane.status('late-lb')).conditions.find(
          ({ type, message }) => type === 'Placed' && message.includes('cannot be made'),
        ),
      60_000,
    );
    expect(condition.message).toContain('libvirt does not answer on this host');
  });
});
