import type { Selectable } from 'kysely';
import type { PublicDnsZoneSpec } from '../spec/dns-zone.ts';
import type { Labels } from '../spec/name.ts';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

export interface DnsZoneRecord {
  id: string;
  name: string;
  labels: Labels;
  spec: PublicDnsZoneSpec;
  /** The whole spec with its credential, sealed. */
  sealed: string;
  revision: number;
  createdAt: string;
  updatedAt: string;
}

export async function insertDnsZone(tx: Tx, zone: DnsZoneRecord): Promise<void> {
  await tx.insertInto('dns_zones').values(toRow(zone)).execute();
}

export async function updateDnsZone(tx: Tx, zone: DnsZoneRecord): Promise<void> {
  const { id, ...columns } = toRow(zone);
  await tx.updateTable('dns_zones').set(columns).where('id', '=', id).execute();
}

export async function deleteDnsZone(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('dns_zones').where('id', '=', id).execute();
}

export async function findDnsZone(tx: Tx, nameOrId: string): Promise<DnsZoneRecord | undefined> {
  const row = await tx
    .selectFrom('dns_zones')
    .selectAll()
    .where((where) => where.or([where('id', '=', nameOrId), where('name', '=', nameOrId.toLowerCase())]))
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Zones in the order of their names, those after `after`. */
export async function listDnsZones(tx: Tx, after = '', limit = 10_000): Promise<DnsZoneRecord[]> {
  const rows = await tx
    .selectFrom('dns_zones')
    .selectAll()
    .where('name', '>', after)
    .orderBy('name')
    .limit(limit)
    .execute();
  return rows.map(fromRow);
}

function toRow(zone: DnsZoneRecord): Selectable<Database['dns_zones']> {
  const { id, name, labels, spec, sealed, revision, createdAt, updatedAt } = zone;
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

function fromRow(row: Selectable<Database['dns_zones']>): DnsZoneRecord {
  return {
    id: row.id,
    name: row.name,
    labels: JSON.parse(row.labels) as Labels,
    spec: JSON.parse(row.spec) as PublicDnsZoneSpec,
    sealed: row.sealed,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
