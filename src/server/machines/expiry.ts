import { tellEvents } from '../../store/events.ts';
import { findMachineHost, type MachineHost, updateMachineHost } from '../../store/machine-hosts.ts';
import { findMachine } from '../../store/machines.ts';
import type { ServerContext } from '../context.ts';
import { givenUpEvent } from '../events/placement.ts';
import { withFailure } from './steps.ts';

/** Gives a machine up whose line nobody typed in time. */
export async function expireToken(
  { store, clock }: Pick<ServerContext, 'store' | 'clock'>,
  { machineId }: MachineHost,
): Promise<void> {
  await store.transaction(async (tx) => {
    const host = await findMachineHost(tx, machineId);
    const machine = await findMachine(tx, machineId);
    if (!host || !machine || host.phase !== 'provisioning' || host.nextAt > clock.now()) return;
    const detail = host.enrolment?.isUsed
      ? 'its agent enrolled and has not reported within ten minutes'
      : 'the line was not typed on it within ten minutes';
    const hint = `Get a new one: agentmetal machine retry ${machine.name}`;
    const fault = { code: 'enrolment_expired', detail, hint, retryAt: null };
    const steps = withFailure(host.steps, detail, clock.now());
    await updateMachineHost(tx, { ...host, phase: 'failed', fault, steps });
    await tellEvents(tx, [givenUpEvent(machine, fault)], clock.now());
  });
}
