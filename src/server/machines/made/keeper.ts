import { AppError, messageOf } from '../../../base/errors.ts';
import type { MachineFault } from '../../../spec/machine.ts';
import {
  type MachineHost,
  findMachineHost,
  listMachineHosts,
  updateMachineHost,
} from '../../../store/machine-hosts.ts';
import { listMakingVpcs } from '../../../store/vpcs.ts';
import type { ServerContext } from '../../context.ts';
import { type Loop, startLoop } from '../../loop.ts';
import type { MachineMaker } from './maker.ts';
import { publicNetwork, vpcNetwork } from './network.ts';
import { madeOrder } from './order.ts';

const PASS_EVERY_MS = 5000;
const REST_MS = 500;

type Context = Pick<ServerContext, 'store' | 'clock' | 'changes' | 'log' | 'closing'>;

/**
 * Level-triggered: has the networks of VPCs there, starts machines that do not run (as after a start of this host, or an
 * end that nobody asked for), and listens for their agents. Making and ending them is the queue's.
 */
export function startMadeKeeper(context: Context, maker: MachineMaker): Loop {
  const { clock, changes, log, closing } = context;
  const watch = changes.watch('placement');
  let told: string | undefined;
  const loop = startLoop(closing, async (over) => {
    const fault = await pass(context, maker).then(() => undefined, messageOf);
    // What stays so, as a missing right, is told once.
    if (fault !== undefined && fault !== told) log.warn(`machines of this host: ${fault}`);
    told = fault;
    await clock.sleep(REST_MS, over);
    await watch.next(PASS_EVERY_MS, over);
  });
  return { stop: () => loop.stop().then(() => watch.close()) };
}

async function pass(context: Context, maker: MachineMaker): Promise<void> {
  const { hosts, vpcs } = await context.store.transaction(async (tx) => ({
    hosts: await listMachineHosts(tx),
    vpcs: await listMakingVpcs(tx),
  }));
  const made = hosts.filter((host) => host.made !== null);
  const wanted = vpcs.flatMap((vpc) => (vpc.spec.driver ? [{ vpc, driver: vpc.spec.driver }] : []));
  const networks = maker.keepNetworks(
    wanted.map(({ vpc, driver }) => vpcNetwork(vpc, driver)),
    wanted.flatMap(({ driver }) => publicNetwork(driver) ?? []),
  );
  // Machines are looked after whatever a network lacks, and it is told after that.
  const fault = await networks.then(() => undefined, asError);
  if (made.length > 0) {
    await maker.access();
    for (const host of made) if (host.phase === 'ready') await keep(context, maker, host);
  } else if (wanted.length === 0) await maker.retire();
  if (fault) throw fault;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

async function keep(context: Context, maker: MachineMaker, host: MachineHost): Promise<void> {
  const order = await context.store.transaction((tx) => madeOrder(tx, host));
  if (!order) return;
  try {
    if (await maker.keep(order)) context.log.warn(`machine ${order.name} did not run and was started again`);
    await noteFault(context, host, null);
  } catch (error) {
    const isKnown = error instanceof AppError;
    if (!isKnown) context.log.error({ err: error, machineId: host.machineId }, 'a machine does not run');
    await noteFault(context, host, {
      code: isKnown ? error.code : 'internal',
      detail: isKnown ? error.message : 'the control plane failed; its log has the reason',
      hint: isKnown ? (error.hint ?? null) : null,
      retryAt: new Date(context.clock.now() + PASS_EVERY_MS).toISOString(),
    });
  }
}

/** What keeps a machine from running is told of it, as long as it is so. */
async function noteFault(
  { store }: Context,
  { machineId, fault: before }: MachineHost,
  fault: MachineFault | null,
) {
  if (before === null && fault === null) return;
  await store.transaction(async (tx) => {
    const host = await findMachineHost(tx, machineId);
    if (host?.phase === 'ready') await updateMachineHost(tx, { ...host, fault });
  });
}
