import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../base/errors.ts';
import { readTextIfExists, writeFileAtomic } from '../../../host/files.ts';
import type { ContainerDriver } from '../../../machines/container/driver.ts';
import type { PublicNetwork } from '../../../machines/network/networks.ts';
import type { AgentAccess } from '../../agent-listener/access.ts';
import { type AgentListener, createAgentListener } from '../../agent-listener/listener.ts';
import type { ServerContext } from '../../context.ts';
import type { MachineMaker, MadeOrder } from './maker.ts';

export interface HostMakerOptions {
  dataDir: string;
  /** Where base images are kept. Default: in the data directory. */
  imageFolder?: string | undefined;
}

/** Makes machines as containers on the control plane's host. What that takes is loaded when there is one. */
export async function createHostMaker(options: HostMakerOptions): Promise<MachineMaker> {
  const { dataDir, imageFolder = join(dataDir, 'images') } = options;
  const { placeOfVpc } = await import('../../../machines/network/networks.ts');
  let context: ServerContext | undefined;
  let listening: Promise<AgentListener> | undefined;
  let opened: Promise<ContainerDriver> | undefined;
  let retired = Promise.resolve();
  const open = async () => {
    // What is about to be removed must not be taken for what is to be used.
    await retired;
    const { openContainerDriver } = await import('../../../machines/container/driver.ts');
    return openContainerDriver({ dataDir, imageFolder });
  };
  const driver = () => (opened ??= open());
  const listen = async (): Promise<AgentListener> => {
    if (!context) throw new AppError('unavailable', 'the control plane is closing');
    return listenOn(await driver(), context, dataDir);
  };
  const hangUp = async () => {
    const last = listening;
    listening = undefined;
    await (await last?.catch(() => undefined))?.close();
  };
  return {
    serve: (given) => void (context = given),
    async access(): Promise<AgentAccess> {
      listening ??= listen().catch((error: unknown) => {
        listening = undefined;
        throw error;
      });
      return listening;
    },
    async make(order, onStep, signal) {
      const { requireContainerHost } = await import('../../../machines/container/host.ts');
      requireContainerHost(imageFolder, order.release);
      await note(markOf(dataDir, order.network.public));
      const containers = await driver();
      onStep({ name: 'image', state: 'running' });
      await containers.prepare(order.release);
      onStep({ name: 'image', state: 'done', detail: `Debian ${order.release}` });
      onStep({ name: 'boot', state: 'running' });
      const machine = await containers.create(await wantedOf(order), signal);
      await machine.wait(signal);
      onStep({ name: 'boot', state: 'done' });
      return machine.target;
    },
    keep: async (order) => (await driver()).keep(await wantedOf(order)),
    remove: async (order) => (await driver()).remove(order),
    async keepNetworks(vpcs, publicNetworks) {
      const networks = await import('../../../machines/network/networks.ts');
      for (const vpc of vpcs) {
        await mkdir(join(dataDir, 'vpcs', vpc.id), { recursive: true, mode: 0o755 });
        // The host's own bridge is looked for when something is plugged in.
        if (vpc.bridge === null) await networks.ensureVpcNetwork(dataDir, vpc);
      }
      for (const id of await namesIn(join(dataDir, 'vpcs'))) {
        if (vpcs.some((vpc) => vpc.id === id && vpc.bridge === null)) continue;
        await networks.removeVpcNetwork(dataDir, { id, bridge: null });
        if (!vpcs.some((vpc) => vpc.id === id)) await rm(join(dataDir, 'vpcs', id), { recursive: true });
      }
      const wanted = new Set(publicNetworks.map((network) => markOf(dataDir, network)));
      for (const name of await namesIn(join(dataDir, 'public-networks'))) {
        const mark = join(dataDir, 'public-networks', name);
        if (wanted.has(mark)) continue;
        await networks.removePublicNetwork(dataDir, { cidr: name.replace('_', '/'), bridge: null });
        await rm(mark, { force: true });
      }
    },
    async retire() {
      if (!existsSync(join(dataDir, 'machines/management-prefix'))) return;
      const last = driver();
      opened = undefined;
      const work = hangUp().then(async () => (await last).close());
      retired = work.catch(() => undefined);
      await work;
    },
    placeOf: (vpc) => placeOfVpc(dataDir, vpc),
    async close() {
      // Whoever still works must not have it listen again.
      context = undefined;
      await hangUp();
    },
  };
}

/** Listens where machines of this host reach it, at a port that stays the same from the first time on. */
async function listenOn(
  driver: ContainerDriver,
  context: ServerContext,
  dataDir: string,
): Promise<AgentListener> {
  await driver.ready();
  const file = join(dataDir, 'machines/agent-port');
  const port = (await readTextIfExists(file))?.trim() ?? '0';
  const listener = await createAgentListener({ listen: `[${driver.hostAddress}]:${port}`, dataDir });
  await listener.listen(context);
  if (port === '0') await writeFileAtomic(file, `${new URL(listener.url()).port}\n`);
  return listener;
}

async function wantedOf(order: MadeOrder) {
  const { hostNameServers } = await import('../../../machines/container/name-servers.ts');
  // Without a way out those of the host would be asked in vain, for seconds each time.
  const isOutside = order.network.public !== null && order.network.public.routes.length > 0;
  const nameServers =
    order.nameServers.length === 0 && isOutside ? await hostNameServers() : order.nameServers;
  return { ...order, nameServers };
}

/** What tells, after any crash, that a public network was made here. */
function markOf(dataDir: string, network: Pick<PublicNetwork, 'cidr' | 'bridge'> | null): string | undefined {
  return network?.bridge === null
    ? join(dataDir, 'public-networks', network.cidr.replace('/', '_'))
    : undefined;
}

async function note(mark: string | undefined): Promise<void> {
  if (mark === undefined) return;
  await mkdir(join(mark, '..'), { recursive: true, mode: 0o700 });
  await writeFileAtomic(mark, '');
}

async function namesIn(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return readdir(folder);
}
