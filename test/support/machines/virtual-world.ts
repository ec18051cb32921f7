import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { type LibvirtMachine, createLibvirtDriver } from '../../../src/machines/libvirt/driver.ts';
import type { MadeWanted } from '../../../src/machines/made/driver.ts';
import { openGround } from '../../../src/machines/made/ground.ts';
import { removePublicNetwork, removeVpcNetwork } from '../../../src/machines/network/networks.ts';
import { startLibvirt } from './libvirtd.ts';
import { VIRTUAL_IMAGES, VIRTUAL_MACHINE, waitForVirtualImages } from './virtual-images.ts';
import { calm, roomyFolder } from './world.ts';

/** Virtual machines and the networks they are in, for one test file. */
export interface VirtualWorld {
  create(name: string): Promise<LibvirtMachine>;
  /** Has a machine run again, as the control plane's keeper does. */
  keep(name: string): Promise<boolean>;
  /** Names of libvirt's domains. */
  domains(): Promise<string[]>;
  /** Folder with the disks. */
  folder: string;
  close(): Promise<void>;
}

export async function startVirtualWorld(): Promise<VirtualWorld> {
  await waitForVirtualImages();
  // In software a machine takes all of a processor for minutes; tests beside it that go by the clock come first.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const directory = await mkdtemp(join(await roomyFolder(), 'am-'));
  // QEMU is another user.
  await chmod(directory, 0o711);
  const dataDir = join(directory, 'data');
  const folder = join(directory, 'disks');
  const libvirt = await startLibvirt();
  const ground = await openGround(dataDir);
  const driver = createLibvirtDriver({ ground, uri: libvirt.uri, folder, imageFolder: VIRTUAL_IMAGES });
  const vpc = { id: 'prod', bridge: null, address: '10.91.0.1/24' };
  const outside = { cidr: '198.51.100.0/24', bridge: null, address: '198.51.100.1/24' };
  const machines = new Map<string, { wanted: MadeWanted; machine: LibvirtMachine }>();
  return {
    folder,
    domains: libvirt.domains,
    async create(name) {
      const number = machines.size + 10;
      const wanted: MadeWanted = {
        id: `machine-${name}`,
        name,
        vpc: 'prod',
        nameServers: [],
        network: {
          vpc,
          address: `10.91.0.${number}/24`,
          routes: [],
          public: {
            ...outside,
            own: outside.address.replace('.1/', `.${number}/`),
            routes: [{ to: '0.0.0.0/0', via: outside.address.split('/')[0] ?? '' }],
          },
        },
        ...VIRTUAL_MACHINE,
      };
      await driver.prepare(wanted);
      const machine = await driver.create(wanted, calm);
      machines.set(name, { wanted, machine });
      return machine;
    },
    async keep(name) {
      const made = machines.get(name);
      return made ? driver.keep(made.wanted) : false;
    },
    async close() {
      for (const { machine } of machines.values()) await machine.destroy(calm);
      await removeVpcNetwork(dataDir, vpc);
      await removePublicNetwork(dataDir, outside);
      await ground.close();
      await libvirt.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
