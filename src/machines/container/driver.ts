import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import type { Machine, MachineDriver } from '../driver.ts';
import { connect } from '../ssh/connection.ts';
import { type KeyPair, fingerprintOfLine, generateKeyPair } from '../ssh/keys.ts';
import type { SshTarget } from '../ssh/target.ts';
import { waitUntilReachable } from '../ssh/wait.ts';
import { type Release, baseImage } from './base-image.ts';
import { type Container, createContainer } from './container.ts';
import { addHost, ensureHosts, removeHost } from './hosts.ts';
import { type Bridge, ensureBridge, removeBridge, shortName } from './network.ts';

export interface ContainerDriverOptions {
  /** Where images, machines and keys are kept. */
  dataDir: string;
  /** The first address of the network on which machines are reached from this host, with the prefix: `203.0.113.1/24`. */
  publicGateway: string;
  /** Where base images are kept. Default: in the data directory. */
  imageFolder?: string;
}

/** A container that is wanted. Addresses hold the length of the prefix, such as `10.90.0.11/24`. */
export interface ContainerWanted {
  /** Name within its VPC. */
  name: string;
  vpc: { name: string; /** The bridge's address in the VPC. */ gateway: string };
  /** In the VPC. */
  address: string;
  /** On the network that this host reaches. */
  publicAddress: string;
  release: Release;
}

/** A container can do more than other machines. */
export interface ContainerMachine extends Machine {
  readonly container: Container;
}

export interface ContainerDriver extends MachineDriver<ContainerWanted> {
  create(wanted: ContainerWanted, signal: AbortSignal): Promise<ContainerMachine>;
  /** Removes the networks; containers are destroyed before. */
  close(): Promise<void>;
}

/**
 * Machines that are containers with a systemd of their own on this host. Each VPC is a bridge in a network namespace of
 * its own, without a way out, so that VPCs with the same addresses live side by side; a second bridge, in the namespace
 * of this process, is the network from which the machines are reached.
 */
export async function openContainerDriver(options: ContainerDriverOptions): Promise<ContainerDriver> {
  const { dataDir, publicGateway, imageFolder = join(dataDir, 'images') } = options;
  const publicBridge: Bridge = { name: shortName('amp', dataDir) };
  const vpcs = new Map<string, Bridge>();
  await ensureBridge(publicBridge, publicGateway);
  // Machines that are made at the same time share networks, a hosts file and a key.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  };
  return {
    async create(wanted, signal) {
      signal.throwIfAborted();
      const folder = join(dataDir, 'machines', wanted.vpc.name, wanted.name);
      const base = await baseImage({ folder: imageFolder, release: wanted.release });
      const vpc = { name: 'vpc', namespace: shortName('am-v-', dataDir, wanted.vpc.name) };
      vpcs.set(wanted.vpc.name, vpc);
      const { hosts, access } = await inTurn(async () => {
        await ensureBridge(vpc, wanted.vpc.gateway);
        return {
          hosts: await ensureHosts(join(dataDir, 'vpcs', wanted.vpc.name)),
          access: await keyPair(join(dataDir, 'machines/access-key'), 'agentmetal'),
        };
      });
      const hostKey = await keyPair(join(dataDir, 'host-keys', wanted.vpc.name, wanted.name), wanted.name);
      const container = await createContainer({
        folder,
        name: wanted.name,
        base,
        hosts,
        hostKey,
        authorizedKey: access.public,
        nics: [
          { name: 'eth0', bridge: vpc, address: wanted.address },
          {
            name: 'eth1',
            bridge: publicBridge,
            address: wanted.publicAddress,
            gateway: addressOf(publicGateway),
          },
        ],
      });
      const host = { address: addressOf(wanted.address), name: wanted.name, vpc: wanted.vpc.name };
      await inTurn(() => addHost(hosts, host));
      await container.start();
      const target: SshTarget = {
        host: addressOf(wanted.publicAddress),
        port: 22,
        user: 'root',
        privateKey: access.private,
        hostKey: fingerprintOfLine(hostKey.public),
      };
      return {
        target,
        container,
        wait: (stop) => waitUntilReachable(target, stop),
        connect: (stop) => connect(target, stop),
        async reset() {
          await container.clear();
          await container.start();
        },
        async destroy() {
          await container.destroy();
          await inTurn(() => removeHost(hosts, wanted.name));
          await rm(join(dataDir, 'host-keys', wanted.vpc.name, wanted.name), { force: true });
        },
      };
    },
    async close() {
      for (const vpc of vpcs.values()) await removeBridge(vpc);
      await removeBridge(publicBridge);
    },
  };
}

function addressOf(withPrefix: string): string {
  return withPrefix.split('/')[0] ?? withPrefix;
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
