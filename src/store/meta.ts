import type { Tx } from './open.ts';

/** Facts about the control plane itself. */
export type MetaKey = 'control_plane_id' | 'change_version' | 'allow_loopback_backends';

export async function readMeta(tx: Tx, key: MetaKey): Promise<string | undefined> {
  const row = await tx.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
  return row?.value;
}

export async function writeMeta(tx: Tx, key: MetaKey, value: string): Promise<void> {
  await tx
    .insertInto('meta')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}

/** The next number of the counter that orders all changes which agents must see. */
export async function nextChangeVersion(tx: Tx): Promise<number> {
  const version = Number((await readMeta(tx, 'change_version')) ?? 0) + 1;
  await writeMeta(tx, 'change_version', String(version));
  return version;
}
