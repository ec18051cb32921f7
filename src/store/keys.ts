import type { Selectable } from 'kysely';
import type { Role } from '../api/resources.ts';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

export interface KeyRecord {
  id: string;
  name: string;
  role: Role;
  /** SHA-256 of the key, hexadecimal. The key itself is never stored. */
  hash: string;
  prefix: string;
  createdAt: string;
  lastUsedAt: string | null;
}

export async function insertKey(tx: Tx, key: KeyRecord): Promise<void> {
  const { id, name, role, hash, prefix, createdAt, lastUsedAt } = key;
  await tx
    .insertInto('api_keys')
    .values({ id, name, role, hash, prefix, created_at: createdAt, last_used_at: lastUsedAt })
    .execute();
}

export async function deleteKey(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('api_keys').where('id', '=', id).execute();
}

export async function markKeyUsed(tx: Tx, id: string, at: string): Promise<void> {
  await tx.updateTable('api_keys').set({ last_used_at: at }).where('id', '=', id).execute();
}

export async function findKey(tx: Tx, nameOrId: string): Promise<KeyRecord | undefined> {
  const row = await tx
    .selectFrom('api_keys')
    .selectAll()
    .where((where) => where.or([where('id', '=', nameOrId), where('name', '=', nameOrId)]))
    .executeTakeFirst();
  return row && fromRow(row);
}

export async function findKeyByHash(tx: Tx, hash: string): Promise<KeyRecord | undefined> {
  const row = await tx.selectFrom('api_keys').selectAll().where('hash', '=', hash).executeTakeFirst();
  return row && fromRow(row);
}

/** Keys in the order of their names, those after `after`. */
export async function listKeys(tx: Tx, after = '', limit = 10_000): Promise<KeyRecord[]> {
  const rows = await tx
    .selectFrom('api_keys')
    .selectAll()
    .where('name', '>', after)
    .orderBy('name')
    .limit(limit)
    .execute();
  return rows.map(fromRow);
}

export async function countAdminKeys(tx: Tx): Promise<number> {
  const row = await tx
    .selectFrom('api_keys')
    .select((select) => select.fn.countAll().as('count'))
    .where('role', '=', 'admin')
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

function fromRow(row: Selectable<Database['api_keys']>): KeyRecord {
  return {
    id: row.id,
    name: row.name,
    role: row.role as Role,
    hash: row.hash,
    prefix: row.prefix,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  };
}
