import type { Selectable } from 'kysely';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

/**
 * How it stands with a node whose agent is silent. `held`: it stays, and `reason` says why. `lost`: another machine takes
 * its place. `replaced`: it is a node no more, and its agent, which may come back, has not been told yet.
 */
export type ReplacementState = 'held' | 'lost' | 'replaced';

export interface ReplacementRecord {
  loadBalancerId: string;
  /** The machine whose agent is silent. */
  machineId: string;
  state: ReplacementState;
  /** Stable word for the reason. */
  code: string;
  /** Why it stays, or why it is taken for lost, in words. */
  reason: string;
  /** Id of the machine that takes its place; null while there is none. */
  replacedBy: string | null;
  /** Since when it stands so, milliseconds since the epoch. */
  since: number;
}

type Key = Pick<ReplacementRecord, 'loadBalancerId' | 'machineId'>;

/** All of them, or those of some load balancers. */
export async function listReplacements(
  tx: Tx,
  loadBalancerIds?: readonly string[],
): Promise<ReplacementRecord[]> {
  const rows = await tx
    .selectFrom('replacements')
    .selectAll()
    .$if(loadBalancerIds !== undefined, (query) =>
      query.where('load_balancer_id', 'in', loadBalancerIds ?? []),
    )
    .orderBy('since')
    .orderBy('machine_id')
    .execute();
  return rows.map(fromRow);
}

export async function replacementsOfMachine(tx: Tx, machineId: string): Promise<ReplacementRecord[]> {
  const rows = await tx
    .selectFrom('replacements')
    .selectAll()
    .where('machine_id', '=', machineId)
    .orderBy('load_balancer_id')
    .execute();
  return rows.map(fromRow);
}

/** Keeps how it stands, in place of how it stood before. */
export async function saveReplacement(tx: Tx, record: ReplacementRecord): Promise<void> {
  const { load_balancer_id, machine_id, ...columns } = toRow(record);
  await tx
    .insertInto('replacements')
    .values({ load_balancer_id, machine_id, ...columns })
    .onConflict((conflict) => conflict.columns(['load_balancer_id', 'machine_id']).doUpdateSet(columns))
    .execute();
}

export async function deleteReplacement(tx: Tx, { loadBalancerId, machineId }: Key): Promise<void> {
  await tx
    .deleteFrom('replacements')
    .where('load_balancer_id', '=', loadBalancerId)
    .where('machine_id', '=', machineId)
    .execute();
}

function toRow(record: ReplacementRecord): Selectable<Database['replacements']> {
  return {
    load_balancer_id: record.loadBalancerId,
    machine_id: record.machineId,
    state: record.state,
    code: record.code,
    reason: record.reason,
    replaced_by: record.replacedBy,
    since: record.since,
  };
}

function fromRow(row: Selectable<Database['replacements']>): ReplacementRecord {
  return {
    loadBalancerId: row.load_balancer_id,
    machineId: row.machine_id,
    state: row.state as ReplacementState,
    code: row.code,
    reason: row.reason,
    replacedBy: row.replaced_by,
    since: Number(row.since),
  };
}
