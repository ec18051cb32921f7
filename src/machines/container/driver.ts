import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import type { MachineRelease } from '../../spec/vpc-driver.ts';
import type { Machine, MachineDriver } from '../driver.ts';
import { openManagement } from '../network/management.ts';
import { type MachineNetwork, ensureNics } from '../network/networks.ts';
import { connect } from '../ssh/connection.ts';
import { type KeyPair, fingerprintOfLine, generateKeyPair } from '../ssh/keys.ts';
import type { SshTarget } from '../ssh/target.ts';
import { waitUntilReachable } from '../ssh/wait.ts';
import { baseImage } from './base-image.ts';
import { type Container, createContainer, isContainerRunning, removeContainer } from './container.ts';
import { addHost, ensureHosts, removeHost } from './hosts.ts';

export interface ContainerDriverOptions {
  /** Where images, machines and keys are kept. */
  dataDir: string;
  /** Where base images are kept. Default: in the data directory. */
  imageFolder?: string | undefined;
}

/** A container that is wanted. */
export interface ContainerWanted {
  /** What tells it from every other, for good. */
  id: string;
  /** Its host name, which is its name in the VPC. */
  name: string;
  /** Name of its VPC. */
  vpc: string;
  network: MachineNetwork;
  /** Addresses of the name servers that its programs ask. */
  nameServers: readonly string[];
  release: MachineRelease;
}

/** A container can do more than other machines. */
export interface ContainerMachine extends Machine {
  readonly container: Container;
}

export interface ContainerDriver extends MachineDriver<ContainerWanted> {
  /** The address of this host that every machine reaches, once {@link ready} is done. */
  readonly hostAddress: string;
  /** Makes what all machines have in common on this host when it is not there, as after a start of the host. */
  ready(): Promise<void>;
  /** Has the base image of a release there, which takes a minute the first time. */
  prepare(release: MachineRelease): Promise<void>;
  create(wanted: ContainerWanted, signal: AbortSignal): Promise<ContainerMachine>;
  /** Has a machine that was made once run, and tells whether it had to be started. Its keys stay. */
  keep(wanted: ContainerWanted): Promise<boolean>;
  /** Ends a machine and removes all there is of it; for one of which nothing is there it does nothing. */
  remove(wanted: Pick<ContainerWanted, 'id' | 'name' | 'network'>): Promise<void>;
  /** Removes what machines have in common, after the last of them. */
  close(): Promise<void>;
}

/**
 * Machines that are containers with a systemd of their own on this host. Their networks are those of `../network`: that of
 * the VPC, one on which clients reach them, and one that leads to this host alone.
 */
export async function openContainerDriver(options: ContainerDriverOptions): Promise<ContainerDriver> {
  const { dataDir, imageFolder = join(dataDir, 'images') } = options;
  const management = await openManagement(join(dataDir, 'machines/management-prefix'));
  const inTurn = createTurns();
  const imageOf = (release: MachineRelease) => baseImage({ folder: imageFolder, release });
  const folderOf = ({ id }: Pick<ContainerWanted, 'id'>) => join(dataDir, 'machines', id);
  const hostsFolder = ({ vpc }: MachineNetwork) => join(dataDir, 'vpcs', vpc.id);

  /** The container as it should be, whether it runs or not. */
  const containerOf = async (wanted: ContainerWanted) => {
    const folder = folderOf(wanted);
    const base = await imageOf(wanted.release);
    const access = await inTurn('access', () => keyPair(join(dataDir, 'machines/access-key'), 'agentmetal'));
    const hostKey = await keyPair(join(folder, 'host-key'), wanted.name);
    const { hosts, nics } = await inTurn('networks', async () => {
      await management.ensure();
      return {
        hosts: await ensureHosts(hostsFolder(wanted.network)),
        nics: await ensureNics(dataDir, wanted.network),
      };
    });
    const container = await createContainer({
      folder,
      name: wanted.name,
      base,
      hosts,
      nameServers: wanted.nameServers,
      hostKey,
      authorizedKey: access.public,
      nics: [...nics, management.nicOf(wanted.id)],
    });
    const target: SshTarget = {
      host: management.addressOf(wanted.id),
      port: 22,
      user: 'root',
      privateKey: access.private,
      hostKey: fingerprintOfLine(hostKey.public),
    };
    const address = wanted.network.address.split('/')[0] ?? '';
    await inTurn('hosts', () => addHost(hosts, { address, name: wanted.name, vpc: wanted.vpc }));
    return { container, target };
  };

  const takeAway = async ({ id, name, network }: Pick<ContainerWanted, 'id' | 'name' | 'network'>) => {
    await removeContainer(folderOf({ id }));
    await inTurn('hosts', async () => removeHost(await ensureHosts(hostsFolder(network)), name));
  };
  const remove = (wanted: Parameters<typeof takeAway>[0]) => inTurn(wanted.id, () => takeAway(wanted));

  /** What was not there before is not left half-made behind. */
  const start = async (wanted: ContainerWanted) => {
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
    hostAddress: management.hostAddress,
    ready: () => inTurn('networks', () => management.ensure()),
    prepare: async (release) => void (await imageOf(release)),
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
        if (!existsSync(folderOf(wanted))) throw lost(wanted);
        const { container } = await containerOf(wanted);
        await container.start();
        return true;
      }),
    remove,
    close: () => management.remove(),
  };
}

function lost({ name }: ContainerWanted): AppError {
  return new AppError('machine_start_failed', `the files of machine ${name} are gone from this host`, {
    hint: `Have another one made in its place: agentmetal machine remove ${name} --force`,
  });
}

/** Runs work of the same name one after another, so that nothing is made and removed in the same moment. */
function createTurns(): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const turns = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const done = (turns.get(name) ?? Promise.resolve()).then(work);
    const turn = done
      .catch(() => undefined)
      .finally(() => {
        if (turns.get(name) === turn) turns.delete(name);
      });
    turns.set(name, turn);
    return done;
  };
}

/** A pair of keys that is made once; the public half lies beside the private one. */
async function keyPair(path: string, comment: string): Promise<KeyPair> {
  const [kept, shown] = [await readTextIfExists(path), await readTextIfExists(`${path}.pub`)];
  if (kept !== undefined && shown !== undefined) return { private: kept, public: shown };
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
  const pair = generateKeyPair(comment);
  await writeFileAtomic(`${path}.pub`, pair.public);
  await writeFileAtomic(path, pair.private);
  return pair;
}
