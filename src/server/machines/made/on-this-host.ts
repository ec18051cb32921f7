import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../base/errors.ts';
import { readTextIfExists, writeFileAtomic } from '../../../host/files.ts';
import type { MadeDriver } from '../../../machines/made/driver.ts';
import type { Ground } from '../../../machines/made/ground.ts';
import type { PublicNetwork } from '../../../machines/network/networks.ts';
import type { AgentAccess } from '../../agent-listener/access.ts';
import { type AgentListener, createAgentListener } from '../../agent-listener/listener.ts';
import type { ServerContext } from '../../context.ts';
import { type HostMakerOptions, createDrivers } from './drivers.ts';
import type { MachineMaker, MadeOrder } from './maker.ts';

interface Opened {
  ground: Ground;
  driver(this: void, type: MadeOrder['type']): Promise<MadeDriver>;
}

/** Makes machines on the control plane's host, by the driver of their type. What that takes is loaded when there is one. */
export async function createHostMaker(options: HostMakerOptions): Promise<MachineMaker> {
  const { dataDir } = options;
  const { placeOfVpc } = await import('../../../machines/network/networks.ts');
  let context: ServerContext | undefined;
  let listening: Promise<AgentListener> | undefined;
  let opened: Promise<Opened> | undefined;
  let retired = Promise.resolve();
  const open = async (): Promise<Opened> => {
    // What is about to be removed must not be taken for what is to be used.
    await retired;
    const { openGround } = await import('../../../machines/made/ground.ts');
    const ground = await openGround(dataDir);
    return { ground, driver: createDrivers(options, ground) };
  };
  const reopen = () => (opened ??= open());
  const driverOf = async (type: MadeOrder['type']) => (await reopen()).driver(type);
  const listen = async (): Promise<AgentListener> => {
    if (!context) throw new AppError('unavailable', 'the control plane is closing');
    return listenOn((await reopen()).ground, context, dataDir);
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
      const driver = await driverOf(order.type);
      const wanted = await wantedOf(order);
      await note(markOf(dataDir, order.network.public));
      onStep({ name: 'image', state: 'running' });
      const image = await driver.prepare(wanted);
      onStep({ name: 'image', state: 'done', detail: image });
      onStep({ name: 'boot', state: 'running' });
      const machine = await driver.create(wanted, signal);
      await machine.wait(signal);
      onStep({ name: 'boot', state: 'done' });
      return machine.target;
    },
    keep: async (order) => (await driverOf(order.type)).keep(await wantedOf(order)),
    remove: async (order) => (await driverOf(order.type)).remove(order),
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
      const last = reopen();
      opened = undefined;
      const work = hangUp().then(async () => (await last).ground.close());
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
async function listenOn(ground: Ground, context: ServerContext, dataDir: string): Promise<AgentListener> {
  await ground.ready();
  const file = join(dataDir, 'machines/agent-port');
  const port = (await readTextIfExists(file))?.trim() ?? '0';
  const listener = await createAgentListener({ listen: `[${ground.hostAddress}]:${port}`, dataDir });
  await listener.listen(context);
  if (port === '0') await writeFileAtomic(file, `${new URL(listener.url()).port}\n`);
  return listener;
}

async function wantedOf(order: MadeOrder) {
  const { hostNameServers } = await import('../../../machines/made/name-servers.ts');
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
