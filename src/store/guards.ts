import type { Selectable } from 'kysely';
import type { GuardState, MachineGuard } from '../spec/guard.ts';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

/** The guard of a revision. */
export interface GuardRecord {
  loadBalancerId: string;
  revision: number;
  durationMs: number;
  state: GuardState;
  /** Why it is in this state, in words. */
  reason: string;
  /** The revision that brought the one before back; null unless the state is `restored`. */
  restoredBy: number | null;
  machines: MachineGuard[];
}

export async function insertGuard(tx: Tx, guard: GuardRecord): Promise<void> {
  await tx.insertInto('guards').values(toRow(guard)).execute();
}

export async function updateGuard(tx: Tx, guard: GuardRecord): Promise<void> {
  const { load_balancer_id, revision, ...columns } = toRow(guard);
  await tx
    .updateTable('guards')
    .set(columns)
    .where('load_balancer_id', '=', load_balancer_id)
    .where('revision', '=', revision)
    .execute();
}

/** Ends every guard of a load balancer that is still watching. */
export async function supersedeGuards(tx: Tx, loadBalancerId: string, reason: string): Promise<void> {
  await tx
    .updateTable('guards')
    .set({ state: 'superseded', reason })
    .where('load_balancer_id', '=', loadBalancerId)
    .where('state', '=', 'watching')
    .execute();
}

export async function findGuard(
  tx: Tx,
  loadBalancerId: string,
  revision: number,
): Promise<GuardRecord | undefined> {
  return (await guardsOf(tx, loadBalancerId, revision, revision)).get(revision);
}

/** Guards of a load balancer's revisions from `first` to `last`, by revision. */
export async function guardsOf(
  tx: Tx,
  loadBalancerId: string,
  first: number,
  last: number,
): Promise<ReadonlyMap<number, GuardRecord>> {
  const rows = await tx
    .selectFrom('guards')
    .selectAll()
    .where('load_balancer_id', '=', loadBalancerId)
    .where('revision', '>=', first)
    .where('revision', '<=', last)
    .execute();
  return new Map(rows.map((row) => [row.revision, fromRow(row)]));
}

function toRow(guard: GuardRecord): Selectable<Database['guards']> {
  const { loadBalancerId, revision, durationMs, state, reason, restoredBy, machines } = guard;
  return {
    load_balancer_id: loadBalancerId,
    revision,
    duration_ms: durationMs,
    state,
    reason,
    restored_by: restoredBy,
    machines: JSON.stringify(machines),
  };
}

function fromRow(row: Selectable<Database['guards']>): GuardRecord {
  return {
    loadBalancerId: row.load_balancer_id,
    revision: row.revision,
    durationMs: row.duration_ms,
    state: row.state as GuardState,
    reason: row.reason,
    restoredBy: row.restored_by,
    machines: JSON.parse(row.machines) as MachineGuard[],
  };
}
