import type { LoadBalancerReport } from '../api/agent.ts';
import { type Patch, applyPatch, patchBetween } from '../spec/patch.ts';
import { shareStructure } from '../spec/share.ts';
import type { Tx } from './open.ts';
import { createRecent, patchedTag, wholeTag } from './recent.ts';

/** What an agent has told of the backends of a load balancer. */
export type ReportedBackends = LoadBalancerReport['backends'];

interface NodeKey {
  loadBalancerId: string;
  machineId: string;
}

/** Below this, patches cost more rows than they spare characters. */
const MIN_PATCHED = 4096;

/** The patches are at most such a share of what they are patches of, so that reading them all takes no longer than that. */
const MIN_SHARE = 4;

const recent = createRecent<ReportedBackends>();

/**
 * Reads what a node has told; what was read or written lately is the same object again. Nobody may change it.
 * @param tag the node's `backends_tag`.
 */
export async function readReported(tx: Tx, key: NodeKey, tag: string): Promise<ReportedBackends> {
  const known = tag === '' ? undefined : recent.get(tag);
  if (known) return known;
  const { backends } = await ofNode(tx, key).select('backends').executeTakeFirstOrThrow();
  const rows = await tx
    .selectFrom('node_patches')
    .select('patch')
    .where('load_balancer_id', '=', key.loadBalancerId)
    .where('machine_id', '=', key.machineId)
    .orderBy('number')
    .execute();
  const reported = rows.reduce<unknown>(
    (value, { patch }) => applyPatch(value, JSON.parse(patch) as Patch),
    JSON.parse(backends),
  ) as ReportedBackends;
  recent.keep(tag === '' ? wholeTag(backends) : tag, reported, backends.length);
  return reported;
}

function ofNode(tx: Tx, { loadBalancerId, machineId }: NodeKey) {
  return tx
    .selectFrom('nodes')
    .where('load_balancer_id', '=', loadBalancerId)
    .where('machine_id', '=', machineId);
}

/** Keeps what a node tells now: what differs from before, and now and then all of it. */
export async function saveReported(tx: Tx, key: NodeKey, told: ReportedBackends): Promise<void> {
  const row = await ofNode(tx, key)
    .select(['backends_tag', 'backends_size', 'patches_size'])
    .executeTakeFirst();
  if (!row) return;
  const before = await readReported(tx, key, row.backends_tag);
  const after = shareStructure(before, told);
  if (after === before) return;
  const base = recent.tagOf(before);
  const patch = JSON.stringify(patchBetween(before, after));
  const isPatched = base !== undefined && (row.patches_size + patch.length) * MIN_SHARE <= row.backends_size;
  if (!isPatched || row.backends_size < MIN_PATCHED) return saveWhole(tx, key, after);
  const number = row.patches_size + patch.length;
  await tx
    .insertInto('node_patches')
    .values({ load_balancer_id: key.loadBalancerId, machine_id: key.machineId, number, patch })
    .execute();
  const tag = patchedTag(base, patch);
  recent.keep(tag, after, row.backends_size);
  await update(tx, key, { backends_tag: tag, patches_size: number });
}

async function saveWhole(tx: Tx, key: NodeKey, backends: ReportedBackends): Promise<void> {
  const text = JSON.stringify(backends);
  const tag = wholeTag(text);
  recent.keep(tag, backends, text.length);
  await tx
    .deleteFrom('node_patches')
    .where('load_balancer_id', '=', key.loadBalancerId)
    .where('machine_id', '=', key.machineId)
    .execute();
  await update(tx, key, { backends: text, backends_tag: tag, backends_size: text.length, patches_size: 0 });
}

async function update(
  tx: Tx,
  { loadBalancerId, machineId }: NodeKey,
  columns: { backends?: string; backends_tag: string; backends_size?: number; patches_size: number },
): Promise<void> {
  await tx
    .updateTable('nodes')
    .set(columns)
    .where('load_balancer_id', '=', loadBalancerId)
    .where('machine_id', '=', machineId)
    .execute();
}
