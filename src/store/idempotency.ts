import type { Tx } from './open.ts';

/** The answer that a request with an Idempotency-Key got. */
export interface IdempotencyRecord {
  /** Id of the API key that sent it. */
  keyId: string;
  /** The Idempotency-Key. */
  key: string;
  /** What tells this request from another one with the same key. */
  fingerprint: string;
  status: number;
  headers: Record<string, string>;
  /** The body, sealed by the caller of the store. */
  body: string;
  createdAt: string;
}

export async function findIdempotent(
  tx: Tx,
  keyId: string,
  key: string,
): Promise<IdempotencyRecord | undefined> {
  const row = await tx
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('key_id', '=', keyId)
    .where('key', '=', key)
    .executeTakeFirst();
  if (!row) return undefined;
  const { fingerprint, status, headers, body, created_at: createdAt } = row;
  return {
    keyId,
    key,
    fingerprint,
    status,
    headers: JSON.parse(headers) as Record<string, string>,
    body,
    createdAt,
  };
}

export async function saveIdempotent(tx: Tx, record: IdempotencyRecord): Promise<void> {
  const { keyId, key, fingerprint, status, headers, body, createdAt } = record;
  const values = { fingerprint, status, headers: JSON.stringify(headers), body, created_at: createdAt };
  await tx
    .insertInto('idempotency_keys')
    .values({ key_id: keyId, key, ...values })
    .onConflict((conflict) => conflict.columns(['key_id', 'key']).doUpdateSet(values))
    .execute();
}

export async function deleteIdempotentBefore(tx: Tx, createdBefore: string): Promise<void> {
  await tx.deleteFrom('idempotency_keys').where('created_at', '<', createdBefore).execute();
}
