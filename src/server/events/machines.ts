import { type NewEvent, lastEvent, tellEvents } from '../../store/events.ts';
import { type MachineRecord, listMachines } from '../../store/machines.ts';
import type { Tx } from '../../store/open.ts';
import { isConnected } from '../status/nodes.ts';
import { ofMachine } from './resource.ts';

/** Tells that a machine reports again, or for the first time. To be called before its report is kept. */
export async function tellOnline(tx: Tx, machine: MachineRecord, now: number): Promise<void> {
  if (isConnected(machine, now) || (await lastOf(tx, machine)) === 'node.online') return;
  const { lastReportAt } = machine;
  const event: NewEvent = {
    type: 'node.online',
    severity: 'info',
    resource: ofMachine(machine),
    message:
      lastReportAt === null
        ? `the agent of machine ${machine.name} reports for the first time`
        : `the agent of machine ${machine.name} reports again; it was last heard of at ${lastReportAt}`,
    details: { lastReportAt },
  };
  await tellEvents(tx, [event], now);
}

/** Tells of machines whose agents have fallen silent, of each silence once. */
export async function tellOffline(tx: Tx, now: number): Promise<void> {
  for (const machine of await listMachines(tx)) {
    const { name, lastReportAt } = machine;
    if (lastReportAt === null || isConnected(machine, now)) continue;
    if ((await lastOf(tx, machine)) === 'node.offline') continue;
    const event: NewEvent = {
      type: 'node.offline',
      severity: 'error',
      resource: ofMachine(machine),
      message: `the agent of machine ${name} was last heard of at ${lastReportAt}. What the machine serves goes on if it runs; changes wait. Start the agent there: agentmetal agent`,
      details: { lastReportAt },
    };
    await tellEvents(tx, [event], now);
  }
}

/** What was told last of a machine's connection. */
async function lastOf(tx: Tx, { id }: MachineRecord): Promise<'node.online' | 'node.offline' | undefined> {
  const online = await lastEvent(tx, { resourceId: id, type: 'node.online', subject: '' });
  const offline = await lastEvent(tx, { resourceId: id, type: 'node.offline', subject: '' });
  if (!online && !offline) return undefined;
  return (online?.number ?? 0) > (offline?.number ?? 0) ? 'node.online' : 'node.offline';
}
