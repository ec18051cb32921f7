import type { UpgradeOrder, Upgrader } from '../../api/agent.ts';
import { deleteAgentUpgrade, findAgentUpgrade, saveAgentUpgrade } from '../../store/agent-upgrades.ts';
import { tellEvents } from '../../store/events.ts';
import { type MachineRecord, touchMachine } from '../../store/machines.ts';
import { nextChangeVersion } from '../../store/meta.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { upgradeFailedEvent, upgradedEvent } from '../events/upgrades.ts';

/**
 * Takes in what a report tells of an upgrade that runs.
 * @returns whether the machine must hear that it is over.
 */
export async function noteUpgrade(
  tx: Tx,
  machine: MachineRecord,
  upgrader: Upgrader | undefined,
  now: number,
): Promise<boolean> {
  const row = await findAgentUpgrade(tx, machine.id);
  if (!row || !upgrader) return false;
  if (upgrader.version === row.version) {
    await deleteAgentUpgrade(tx, machine.id);
    await tellEvents(tx, [upgradedEvent(machine, row.version)], now);
  } else if (row.state === 'running' && upgrader.failed?.version === row.version) {
    await failUpgrade(tx, machine, { ...row, reason: upgrader.failed.reason, now });
  } else return false;
  await touchMachine(tx, machine.id, await nextChangeVersion(tx));
  return true;
}

/** Writes down that an upgrade failed, and tells it. */
export async function failUpgrade(
  tx: Tx,
  machine: Pick<MachineRecord, 'id' | 'name'>,
  { version, reason, now }: { version: string; reason: string; now: number },
): Promise<void> {
  await saveAgentUpgrade(tx, { machineId: machine.id, version, state: 'failed', reason, since: now });
  await tellEvents(tx, [upgradeFailedEvent(machine, { version, reason })], now);
}

/** The version that a machine's agent is told to take; empty for none. */
export async function upgradeOrder(
  { wantedAgent }: Pick<ServerContext, 'wantedAgent'>,
  tx: Tx,
  machineId: string,
): Promise<{ upgrade?: UpgradeOrder }> {
  const bundle = wantedAgent?.present();
  const row = bundle && (await findAgentUpgrade(tx, machineId));
  if (row?.state !== 'running' || row.version !== bundle?.version) return {};
  return { upgrade: { version: bundle.version, sha256: bundle.sha256 } };
}
