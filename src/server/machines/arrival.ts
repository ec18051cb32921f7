import type { AgentReport } from '../../api/agent.ts';
import type { MachineStep } from '../../spec/machine.ts';
import { tellEvents } from '../../store/events.ts';
import { type MachineHost, findMachineHost, isManual, updateMachineHost } from '../../store/machine-hosts.ts';
import type { MachineRecord } from '../../store/machines.ts';
import type { Tx } from '../../store/open.ts';
import { findVpc } from '../../store/vpcs.ts';
import { type ServerContext, timestamp } from '../context.ts';
import { givenUpEvent, readyEvent } from '../events/placement.ts';
import { type HostedMachine, addressFault } from './rules.ts';

/**
 * Takes in what a report tells of a machine itself. One to which nobody logs in is ready with the first report of its
 * agent, and may tell its address by it.
 * @returns whether load balancers may have it for themselves.
 */
export async function noteArrival(
  context: Pick<ServerContext, 'clock' | 'allowLoopbackBackends'>,
  tx: Tx,
  machine: MachineRecord,
  report: AgentReport,
): Promise<boolean> {
  const host = await findMachineHost(tx, machine.id);
  if (host && isManual(host) && host.phase === 'provisioning')
    await takeIn(context, tx, { machine, host }, report);
  return host !== undefined;
}

async function takeIn(
  context: Pick<ServerContext, 'clock' | 'allowLoopbackBackends'>,
  tx: Tx,
  { machine, host }: HostedMachine,
  report: AgentReport,
): Promise<void> {
  const address = host.address ?? (await ownAddress(context, tx, host, report.hostAddresses));
  const at = timestamp(context);
  if (address !== undefined) {
    const steps = [doneStep('enrol', at), doneStep('report', at)];
    await updateMachineHost(tx, { ...host, address, phase: 'ready', fault: null, steps, attempts: 0 });
    await tellEvents(tx, [readyEvent(machine)], context.clock.now());
    return;
  }
  const detail = `none of the addresses of ${machine.name} lies in its VPC (${report.hostAddresses.join(', ')})`;
  const hint = `Widen the VPC, and then: agentmetal machine retry ${machine.name}`;
  const fault = { code: 'no_address_in_vpc', detail, hint, retryAt: null };
  await updateMachineHost(tx, { ...host, phase: 'failed', fault });
  await tellEvents(tx, [givenUpEvent(machine, fault)], context.clock.now());
}

async function ownAddress(
  { allowLoopbackBackends }: Pick<ServerContext, 'allowLoopbackBackends'>,
  tx: Tx,
  { vpcId }: MachineHost,
  addresses: readonly string[],
): Promise<string | undefined> {
  const vpc = await findVpc(tx, vpcId);
  return vpc && addresses.find((address) => addressFault(vpc, address, allowLoopbackBackends) === undefined);
}

function doneStep(name: string, at: string): MachineStep {
  return { name, state: 'done', detail: '', at, ms: 0 };
}
