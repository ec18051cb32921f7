import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../driver.ts';
import { type MadeDriver, type MadeWanted, filesLost } from '../made/driver.ts';
import type { Ground } from '../made/ground.ts';
import { connect } from '../ssh/connection.ts';
import { waitUntilReachable } from '../ssh/wait.ts';
import { baseImage } from './base-image.ts';
import { type Container, createContainer, isContainerRunning, removeContainer } from './container.ts';
import { requireContainerHost } from './host.ts';

export interface ContainerDriverOptions {
  ground: Ground;
  /** Where base images are kept. Default: in the data directory. */
  imageFolder?: string | undefined;
}

/** A container can do more than other machines. */
export interface ContainerMachine extends Machine {
  readonly container: Container;
}

export interface ContainerDriver extends MadeDriver {
  create(wanted: MadeWanted, signal: AbortSignal): Promise<ContainerMachine>;
}

/**
 * Machines that are containers with a systemd of their own on this host. Their networks are those of `../network`: that of
 * the VPC, one on which clients reach them, and one that leads to this host alone.
 */
export function createContainerDriver({ ground, ...options }: ContainerDriverOptions): ContainerDriver {
  const { imageFolder: folder = join(ground.dataDir, 'images') } = options;
  const { folderOf, inTurn } = ground;

  /** The container as it should be, whether it runs or not. */
  const containerOf = async (wanted: MadeWanted) => {
    const base = await baseImage({ folder, release: wanted.release });
    const { target, ...footing } = await ground.prepare(wanted);
    const { name, nameServers } = wanted;
    const container = await createContainer({
      folder: folderOf(wanted),
      name,
      nameServers,
      base,
      ...footing,
    });
    return { container, target };
  };

  const takeAway = async (wanted: Pick<MadeWanted, 'id' | 'name' | 'network'>) => {
    await removeContainer(folderOf(wanted));
    await ground.forget(wanted);
  };
  const remove = (wanted: Parameters<typeof takeAway>[0]) => inTurn(wanted.id, () => takeAway(wanted));

  /** What was not there before is not left half-made behind. */
  const start = async (wanted: MadeWanted) => {
    const wasThere = existsSync(folderOf(wanted));
    try {
      const made = await containerOf(wanted);
      await made.container.start();
      return made;
    } catch (error) {
      if (!wasThere) await takeAway(wanted);
      throw error;
    }
  };

  return {
    async prepare({ release }) {
      requireContainerHost(folder, release);
      await baseImage({ folder, release });
      return `Debian ${release}`;
    },
    async create(wanted, signal) {
      signal.throwIfAborted();
      const { container, target } = await inTurn(wanted.id, () => start(wanted));
      return {
        target,
        container,
        wait: (stop) => waitUntilReachable(target, stop),
        connect: (stop) => connect(target, stop),
        async reset() {
          await container.clear();
          await container.start();
        },
        destroy: () => remove(wanted),
      };
    },
    keep: (wanted) =>
      inTurn(wanted.id, async () => {
        if (await isContainerRunning(folderOf(wanted))) return false;
        // It may have been removed while this waited for its turn.
        if (!existsSync(folderOf(wanted))) throw filesLost(wanted);
        const { container } = await containerOf(wanted);
        await container.start();
        return true;
      }),
    remove,
  };
}
