import { join } from 'node:path';
import type { MadeDriver } from '../../../machines/made/driver.ts';
import type { Ground } from '../../../machines/made/ground.ts';
import { shortName } from '../../../machines/network/links.ts';
import type { VpcDriver } from '../../../spec/vpc-driver.ts';

export interface HostMakerOptions {
  dataDir: string;
  /** Where base images of containers are kept. Default: in the data directory. */
  imageFolder?: string | undefined;
  libvirt?: LibvirtOptions | undefined;
}

export interface LibvirtOptions {
  /** Where libvirt is. Default: what LIBVIRT_DEFAULT_URI says, and the system's own. */
  uri?: string | undefined;
  /** Where virtual machines have their disks. Default: one among libvirt's own images. */
  folder?: string | undefined;
  /** Where disks and templates that they begin from are kept. Default: in that folder. */
  imageFolder?: string | undefined;
}

/** Where QEMU, which runs as another user, is let in by the distribution. */
const LIBVIRT_IMAGES = '/var/lib/libvirt/images';

/** What makes machines of each type. What that takes is loaded when there is one. */
export function createDrivers(
  { dataDir, imageFolder, libvirt }: HostMakerOptions,
  ground: Ground,
): (type: VpcDriver['type']) => Promise<MadeDriver> {
  const load: Readonly<Record<VpcDriver['type'], () => Promise<MadeDriver>>> = {
    async container() {
      const { createContainerDriver } = await import('../../../machines/container/driver.ts');
      return createContainerDriver({ ground, imageFolder });
    },
    async libvirt() {
      const { createLibvirtDriver } = await import('../../../machines/libvirt/driver.ts');
      const { folder = join(LIBVIRT_IMAGES, shortName('agentmetal-', dataDir)) } = libvirt ?? {};
      return createLibvirtDriver({ ...libvirt, ground, folder });
    },
  };
  const loaded = new Map<VpcDriver['type'], Promise<MadeDriver>>();
  return (type) => {
    const driver = loaded.get(type) ?? load[type]();
    loaded.set(type, driver);
    return driver;
  };
}
