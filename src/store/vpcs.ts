import type { Selectable } from 'kysely';
import type { VpcDefinition, VpcSpec } from '../spec/vpc.ts';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

export interface VpcRecord extends VpcDefinition {
  id: string;
  /** Passwords of its routers by their addresses, sealed; null without any. */
  sealed: string | null;
  revision: number;
  createdAt: string;
  updatedAt: string;
}

export async function insertVpc(tx: Tx, vpc: VpcRecord): Promise<void> {
  await tx.insertInto('vpcs').values(toRow(vpc)).execute();
}

export async function updateVpc(tx: Tx, vpc: VpcRecord): Promise<void> {
  const { id, ...columns } = toRow(vpc);
  await tx.updateTable('vpcs').set(columns).where('id', '=', id).execute();
}

export async function deleteVpc(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('vpcs').where('id', '=', id).execute();
}

export async function findVpc(tx: Tx, nameOrId: string): Promise<VpcRecord | undefined> {
  const rows = await tx
    .selectFrom('vpcs')
    .selectAll()
    .where((where) => where.or([where('id', '=', nameOrId), where('name', '=', nameOrId)]))
    .execute();
  const row = rows.find(({ id }) => id === nameOrId) ?? rows[0];
  return row && fromRow(row);
}

/** VPCs in the order of their names, those after `after`. */
export async function listVpcs(tx: Tx, after: string, limit: number): Promise<VpcRecord[]> {
  const rows = await tx
    .selectFrom('vpcs')
    .selectAll()
    .where('name', '>', after)
    .orderBy('name')
    .limit(limit)
    .execute();
  return rows.map(fromRow);
}

/** VPCs whose drivers make machines. */
export async function listMakingVpcs(tx: Tx): Promise<VpcRecord[]> {
  // The specs of the others, which may be long, are not read.
  const rows = await tx.selectFrom('vpcs').selectAll().where('spec', 'like', '%"driver":{%').execute();
  return rows.map(fromRow).filter(({ spec }) => spec.driver !== null);
}

/** The load balancers of a VPC by name. */
export async function vpcLoadBalancers(tx: Tx, vpcId: string): Promise<{ id: string; name: string }[]> {
  return tx
    .selectFrom('load_balancers')
    .select(['id', 'name'])
    .where('vpc_id', '=', vpcId)
    .orderBy('name')
    .execute();
}

function toRow(vpc: VpcRecord): Selectable<Database['vpcs']> {
  const { id, name, labels, spec, sealed, revision, createdAt, updatedAt } = vpc;
  return {
    id,
    name,
    labels: JSON.stringify(labels),
    spec: JSON.stringify(spec),
    sealed,
    revision,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

function complete(kept: Partial<VpcSpec>): VpcSpec {
  const driver = kept.driver ? { ...kept.driver, virtualMachine: kept.driver.virtualMachine ?? null } : null;
  return { floatingAddresses: [], ...kept, driver } as VpcSpec;
}

function fromRow(row: Selectable<Database['vpcs']>): VpcRecord {
  return {
    id: row.id,
    name: row.name,
    labels: JSON.parse(row.labels) as VpcRecord['labels'],
    // Those of before the fields have none.
    spec: complete(JSON.parse(row.spec) as Partial<VpcSpec>),
    sealed: row.sealed,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
