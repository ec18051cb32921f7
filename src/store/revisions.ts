import type { Selectable } from 'kysely';
import type { Change } from '../spec/diff.ts';
import type { LoadBalancerDefinition, LoadBalancerSpec } from '../spec/load-balancer.ts';
import type { Plan, Receipt } from '../spec/plan.ts';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';
import { readSpec, specColumns } from './specs.ts';

export interface RevisionRecord extends LoadBalancerDefinition {
  loadBalancerId: string;
  number: number;
  action: 'create' | 'update' | 'restore';
  restoredFrom: number | null;
  author: string;
  createdAt: string;
  diff: Change[];
  plan: Plan;
  /** Why it was made, where nobody asked for it; else null. */
  reason: string | null;
}

/** How a revision comes into being. */
export interface NewRevision {
  /** The change that tells the machines of it. */
  changeVersion: number;
  /** The spec of the revision before; undefined for the first. */
  before: LoadBalancerSpec | undefined;
}

export async function insertRevision(
  tx: Tx,
  revision: RevisionRecord,
  { changeVersion, before }: NewRevision,
): Promise<void> {
  const { loadBalancerId, number, action, restoredFrom, author, createdAt, name } = revision;
  await tx
    .insertInto('revisions')
    .values({
      load_balancer_id: loadBalancerId,
      number,
      action,
      restored_from: restoredFrom,
      author,
      created_at: createdAt,
      name,
      labels: JSON.stringify(revision.labels),
      ...(await specColumns(tx, revision, revision.spec, before)),
      diff: JSON.stringify(revision.diff),
      plan: JSON.stringify(revision.plan),
      reason: revision.reason,
      change_version: changeVersion,
    })
    .execute();
}

export async function findRevision(
  tx: Tx,
  loadBalancerId: string,
  number: number,
): Promise<RevisionRecord | undefined> {
  const row = await tx
    .selectFrom('revisions')
    .select(COLUMNS)
    .where('load_balancer_id', '=', loadBalancerId)
    .where('number', '=', number)
    .executeTakeFirst();
  return row && fromRow(tx, row);
}

/** Revisions from the newest to the oldest, those below `before`. */
export async function listRevisions(
  tx: Tx,
  loadBalancerId: string,
  before: number,
  limit: number,
): Promise<RevisionRecord[]> {
  const rows = await tx
    .selectFrom('revisions')
    .select(COLUMNS)
    .where('load_balancer_id', '=', loadBalancerId)
    .where('number', '<', before)
    .orderBy('number', 'desc')
    .limit(limit)
    .execute();
  const records: RevisionRecord[] = [];
  // The oldest first: the next ones are made from it.
  for (const row of rows.toReversed()) records.push(await fromRow(tx, row));
  return records.toReversed();
}

export async function countRevisions(tx: Tx): Promise<number> {
  const row = await tx
    .selectFrom('revisions')
    .select((select) => select.fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Receipts of a load balancer's revisions from `first` to `last`, by revision. */
export async function receiptsOf(
  tx: Tx,
  loadBalancerId: string,
  first: number,
  last: number,
): Promise<ReadonlyMap<number, Receipt[]>> {
  const rows = await tx
    .selectFrom('receipts')
    .select(['revision', 'receipt'])
    .where('load_balancer_id', '=', loadBalancerId)
    .where('revision', '>=', first)
    .where('revision', '<=', last)
    .orderBy('machine_id')
    .execute();
  const byRevision = new Map<number, Receipt[]>();
  for (const row of rows) {
    const receipts = byRevision.get(row.revision) ?? [];
    byRevision.set(row.revision, [...receipts, JSON.parse(row.receipt) as Receipt]);
  }
  return byRevision;
}

/**
 * Keeps what a revision did on a machine. A report repeats the last receipt, so one that is kept stays as it is; only
 * a failure gives way to what a later try did.
 */
export async function saveReceipt(
  tx: Tx,
  loadBalancerId: string,
  machineId: string,
  receipt: Receipt,
): Promise<void> {
  const values = { outcome: receipt.outcome, receipt: JSON.stringify(receipt) };
  await tx
    .insertInto('receipts')
    .values({
      load_balancer_id: loadBalancerId,
      revision: receipt.revision,
      machine_id: machineId,
      ...values,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['load_balancer_id', 'revision', 'machine_id'])
        .doUpdateSet(values)
        .where('receipts.outcome', '=', 'failed'),
    )
    .execute();
}

/** All but those that tell the spec. */
const COLUMNS = [
  'load_balancer_id',
  'number',
  'action',
  'restored_from',
  'author',
  'created_at',
  'name',
  'labels',
  'diff',
  'plan',
  'reason',
] as const;

async function fromRow(
  tx: Tx,
  row: Pick<Selectable<Database['revisions']>, (typeof COLUMNS)[number]>,
): Promise<RevisionRecord> {
  return {
    loadBalancerId: row.load_balancer_id,
    number: row.number,
    action: row.action as RevisionRecord['action'],
    restoredFrom: row.restored_from,
    author: row.author,
    createdAt: row.created_at,
    name: row.name,
    labels: JSON.parse(row.labels) as RevisionRecord['labels'],
    spec: await readSpec(tx, { loadBalancerId: row.load_balancer_id, number: row.number }),
    diff: JSON.parse(row.diff) as Change[],
    plan: JSON.parse(row.plan) as Plan,
    reason: row.reason,
  };
}
