import type { Selectable } from 'kysely';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

/**
 * `asked`: somebody wants it, whatever the roll-out does. `running`: the agent is told to take it. `failed`: it did not do its
 * work, and the version before runs on.
 */
export type AgentUpgradeState = 'asked' | 'running' | 'failed';

/** The upgrade of one machine's agent; there is none for one that has what it should have. */
export interface AgentUpgradeRecord {
  machineId: string;
  /** The version that the agent is to have. */
  version: string;
  state: AgentUpgradeState;
  /** Why it failed; null while it has not. */
  reason: string | null;
  /** Since when it stands so, milliseconds since the epoch. */
  since: number;
}

export async function listAgentUpgrades(tx: Tx): Promise<AgentUpgradeRecord[]> {
  const rows = await tx.selectFrom('agent_upgrades').selectAll().orderBy('since').execute();
  return rows.map(fromRow);
}

export async function findAgentUpgrade(tx: Tx, machineId: string): Promise<AgentUpgradeRecord | undefined> {
  const row = await tx
    .selectFrom('agent_upgrades')
    .selectAll()
    .where('machine_id', '=', machineId)
    .executeTakeFirst();
  return row && fromRow(row);
}

export async function saveAgentUpgrade(tx: Tx, record: AgentUpgradeRecord): Promise<void> {
  const { machineId: machine_id, ...columns } = record;
  await tx
    .insertInto('agent_upgrades')
    .values({ machine_id, ...columns })
    .onConflict((conflict) => conflict.column('machine_id').doUpdateSet(columns))
    .execute();
}

export async function deleteAgentUpgrade(tx: Tx, machineId: string): Promise<void> {
  await tx.deleteFrom('agent_upgrades').where('machine_id', '=', machineId).execute();
}

function fromRow(row: Selectable<Database['agent_upgrades']>): AgentUpgradeRecord {
  return {
    machineId: row.machine_id,
    version: row.version,
    state: row.state as AgentUpgradeState,
    reason: row.reason,
    since: Number(row.since),
  };
}
