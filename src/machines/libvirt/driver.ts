import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf } from '../../base/errors.ts';
import type { Machine } from '../driver.ts';
import { type MadeDriver, type MadeWanted, filesLost } from '../made/driver.ts';
import type { Ground } from '../made/ground.ts';
import { connect } from '../ssh/connection.ts';
import type { SshTarget } from '../ssh/target.ts';
import { waitUntilReachable } from '../ssh/wait.ts';
import { lastLines, readConsole } from './console.ts';
import { debianImage, hasDebianImage } from './debian-image.ts';
import { ensurePassable } from './folders.ts';
import type { DomainType } from './domain-xml.ts';
import { requireVirtualMachineHost } from './host.ts';
import { qemuImg } from './qemu-img.ts';
import { type Image, type Template, template } from './template.ts';
import { createVirsh } from './virsh.ts';
import {
  type VirtualMachine,
  domainName,
  hasBegun,
  removeVirtualMachine,
  virtualMachine,
} from './virtual-machine.ts';

export interface LibvirtDriverOptions {
  ground: Ground;
  /** Where libvirt is. Default: what LIBVIRT_DEFAULT_URI says, and the system's own. */
  uri?: string | undefined;
  /** Where disks, templates and machines are kept. QEMU, which is another user, must be let in there. */
  folder: string;
  /** Where disks and templates are kept. Default: in `folder`. */
  imageFolder?: string | undefined;
}

/** A virtual machine can do more than other machines. */
export interface LibvirtMachine extends Machine {
  readonly virtualMachine: VirtualMachine;
}

export interface LibvirtDriver extends MadeDriver {
  create(wanted: MadeWanted, signal: AbortSignal): Promise<LibvirtMachine>;
}

/** How long a boot may take: in software it is half a minute alone, and many where much else runs. */
const PATIENCE_MS: Readonly<Record<DomainType, number>> = { kvm: 3 * 60_000, qemu: 15 * 60_000 };

/** Machines that are virtual ones of this host's libvirt, each begun from the saved state of a template. */
export function createLibvirtDriver({
  ground,
  uri,
  folder,
  ...options
}: LibvirtDriverOptions): LibvirtDriver {
  const { imageFolder = join(folder, 'images') } = options;
  const { inTurn } = ground;
  const virsh = createVirsh(uri);
  const diskFolder = ({ id }: Pick<MadeWanted, 'id'>) => join(folder, id);

  const templateOf = async ({ release, virtualMachine: size }: MadeWanted): Promise<Template> => {
    const image =
      size.image === null ? await ownImage(imageFolder, release) : await givenImage(imageFolder, size.image);
    const { cpus, memory: memoryMiB, acceleration } = size;
    return template({ image, cpus, memoryMiB, acceleration }, { folder: imageFolder, virsh });
  };
  const machineOf = async (wanted: MadeWanted) => {
    const { target, ...footing } = await ground.prepare(wanted);
    const { name, nameServers } = wanted;
    const machine = virtualMachine({ folder: diskFolder(wanted), name, nameServers, footing }, virsh);
    return { machine, target };
  };
  const takeAway = async (wanted: Pick<MadeWanted, 'id' | 'name' | 'network'>) => {
    await removeVirtualMachine(wanted.name, diskFolder(wanted), virsh);
    await ground.forget(wanted);
    await rm(ground.folderOf(wanted), { recursive: true, force: true });
  };
  const remove = (wanted: Parameters<typeof takeAway>[0]) => inTurn(wanted.id, () => takeAway(wanted));

  /** One that has not once run is begun anew; what was not there before is not left half-made behind. */
  const start = async (wanted: MadeWanted) => {
    const begun = await hasBegun(diskFolder(wanted));
    try {
      const saved = await templateOf(wanted);
      const made = await machineOf(wanted);
      if (begun) await made.machine.keep();
      else await made.machine.begin(saved);
      return { ...made, patienceMs: PATIENCE_MS[saved.hardware.type] };
    } catch (error) {
      if (!begun) await takeAway(wanted);
      throw error;
    }
  };

  return {
    async prepare(wanted) {
      const { image } = wanted.virtualMachine;
      requireVirtualMachineHost(image === null && !hasDebianImage(imageFolder, wanted.release));
      const { hardware } = await templateOf(wanted);
      const how = hardware.type === 'kvm' ? 'KVM' : 'without KVM';
      return `${image ?? `Debian ${wanted.release}`}, ${how}`;
    },
    async create(wanted, signal) {
      signal.throwIfAborted();
      const { machine, target, patienceMs } = await inTurn(wanted.id, () => start(wanted));
      return {
        target,
        virtualMachine: machine,
        wait: (stop) => waitFor(machine, target, { signal: stop, patienceMs }),
        connect: (stop) => connect(target, stop),
        reset: () => inTurn(wanted.id, async () => machine.begin(await templateOf(wanted))),
        destroy: () => remove(wanted),
      };
    },
    keep: (wanted) =>
      inTurn(wanted.id, async () => {
        // It may have been removed while this waited for its turn.
        if (!(await hasBegun(diskFolder(wanted)))) throw filesLost(wanted);
        // What runs is plugged in: it was before it first ran.
        if ((await virsh.state(domainName(wanted.name, diskFolder(wanted)))) === 'running') return false;
        const { machine } = await machineOf(wanted);
        return machine.keep();
      }),
    remove,
  };
}

async function waitFor(
  { console }: VirtualMachine,
  target: SshTarget,
  { signal, patienceMs }: { signal: AbortSignal; patienceMs: number },
): Promise<void> {
  try {
    await waitUntilReachable(target, signal, { patienceMs });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'machine_unreachable') throw error;
    const said = lastLines(await readConsole(console));
    throw new AppError('machine_unreachable', `${error.message}; its console said: ${said}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}

async function ownImage(folder: string, release: MadeWanted['release']): Promise<Image> {
  const { disk, kernel, initrd } = await debianImage(folder, release);
  return { key: disk, base: { path: disk, format: 'raw' }, boot: { kernel, initrd } };
}

/** An operator's image is copied, so that neither its going nor its rights on it are of concern to machines. */
async function givenImage(folder: string, path: string): Promise<Image> {
  const found = await stat(path).catch((error: unknown) => {
    throw new AppError('machine_image_failed', `the image ${path} cannot be read: ${messageOf(error)}`, {
      hint: 'Name one that is on the control plane’s host: agentmetal vpc update VPC --image PATH',
      cause: error,
    });
  });
  const key = createHash('sha256')
    .update([path, found.size, found.mtimeMs].join('\0'))
    .digest('hex')
    .slice(0, 12);
  const disk = join(folder, `image-${key}.qcow2`);
  if (!existsSync(disk)) {
    await ensurePassable(folder);
    await qemuImg(['convert', '-O', 'qcow2', path, `${disk}.part`]);
    await chmod(`${disk}.part`, 0o644);
    await rename(`${disk}.part`, disk);
  }
  return { key, base: { path: disk, format: 'qcow2' }, boot: null };
}
