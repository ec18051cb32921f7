import { AppError } from '../../base/errors.ts';
import { tellEvents } from '../../store/events.ts';
import { type MachineHost, findMachineHost, updateMachineHost } from '../../store/machine-hosts.ts';
import { deleteMachine, findMachine } from '../../store/machines.ts';
import type { ServerContext } from '../context.ts';
import { removedEvent } from '../events/placement.ts';
import { judgeFailure } from './faults.ts';
import type { AttemptOptions } from './make-ready.ts';
import { madeOrder } from './made/order.ts';
import { requireMaker, requireProvisioner } from './rules.ts';
import { sshTarget } from './ssh-target.ts';
import { ATTEMPT_MS, unlessAborted } from './unless-aborted.ts';

type Context = Pick<ServerContext, 'store' | 'clock' | 'sealer' | 'provisioner' | 'maker' | 'log'>;

/** One attempt at taking off what was put on a machine; when that is done, the machine is gone. */
export async function takeOff(
  context: Context,
  host: MachineHost,
  { signal, random }: AttemptOptions,
): Promise<void> {
  const { store, clock, log } = context;
  const { machineId } = host;
  try {
    const over = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]);
    await unlessAborted(host.made ? unmake(context, host) : release(context, host, over), over);
    await store.transaction(async (tx) => {
      const machine = await findMachine(tx, machineId);
      if (machine) await tellEvents(tx, [removedEvent(machine)], clock.now());
      await deleteMachine(tx, machineId);
    });
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof AppError))
      log.error({ err: error, machineId }, 'a machine could not be taken off');
    await store.transaction(async (tx) => {
      const before = await findMachineHost(tx, machineId);
      if (before?.phase !== 'removing') return;
      const { fault, attempts, nextAt } = judgeFailure(error, before, { now: clock.now(), random });
      await updateMachineHost(tx, { ...before, fault, attempts, nextAt });
    });
  }
}

function release(context: Context, host: MachineHost, signal: AbortSignal): Promise<void> {
  return requireProvisioner(context).release(sshTarget(context, host), signal);
}

/** Ends a machine that the control plane has made; one that has no addresses yet has nothing else either. */
async function unmake(context: Context, host: MachineHost): Promise<void> {
  const order = await context.store.transaction((tx) => madeOrder(tx, host));
  if (order) await requireMaker(context).remove(order);
}
