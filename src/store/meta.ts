import type { Tx } from './open.ts';

/** Facts about the control plane itself. */
export type MetaKey =
  | 'control_plane_id'
  | 'change_version'
  | 'event_number'
  | 'allow_loopback_backends'
  | 'agent_upgrades';

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
  return next(tx, 'change_version');
}

/** The next number of the counter that orders events. */
export async function nextEventNumber(tx: Tx): Promise<number> {
  return next(tx, 'event_number');
}

async function next(tx: Tx, key: 'change_version' | 'event_number'): Promise<number> {
  const number = Number((await readMeta(tx, key)) ?? 0) + 1;
  await writeMeta(tx, key, String(number));
  return number;
}
