import type { LoadBalancerSpec } from '../spec/load-balancer.ts';
import { type Patch, applyPatch, patchBetween } from '../spec/patch.ts';
import { withLaterFields } from '../spec/stored.ts';
import type { Tx } from './open.ts';
import { createRecent, patchedTag, wholeTag } from './recent.ts';
import type { Database } from './schema.ts';

/** So many patches at most stand between a revision and the whole spec that they begin with. */
const MAX_PATCHES = 1000;
/** So many revisions at most are told as patches to a machine that missed them. */
const MAX_SENT = 100;

/** A revision of a load balancer. */
export interface RevisionKey {
  loadBalancerId: string;
  number: number;
}

/** The columns of a revision that tell its spec. */
type SpecColumns = Pick<
  Database['revisions'],
  'spec' | 'patch' | 'tag' | 'base' | 'base_size' | 'patches_size'
>;

const recent = createRecent<LoadBalancerSpec>();

/**
 * Reads the spec of a revision. One that was read or written lately is the same object again, which spares reading it and
 * makes what has not changed recognizable as the same. Nobody may change what is returned.
 */
export async function readSpec(tx: Tx, key: RevisionKey): Promise<LoadBalancerSpec> {
  const row = await ofRevision(tx, key).select(['tag', 'base', 'base_size']).executeTakeFirst();
  if (!row) throw new Error(`revision ${key.number} of ${key.loadBalancerId} is missing`);
  const known = recent.get(row.tag);
  if (known) return known;
  const spec = await assemble(tx, key, row.base);
  recent.keep(row.tag, spec, row.base_size);
  return spec;
}

/** The tag of a spec that the store has read or written. */
export function tagOf(spec: LoadBalancerSpec): string | undefined {
  return recent.tagOf(spec);
}

function ofRevision(tx: Tx, { loadBalancerId, number }: RevisionKey) {
  return tx
    .selectFrom('revisions')
    .where('load_balancer_id', '=', loadBalancerId)
    .where('number', '=', number);
}

async function assemble(tx: Tx, { loadBalancerId, number }: RevisionKey, base: number) {
  const { spec } = await ofRevision(tx, { loadBalancerId, number: base })
    .select('spec')
    .executeTakeFirstOrThrow();
  const patches = await readPatches(tx, { loadBalancerId, number }, base);
  const stored = patches.reduce<unknown>((value, patch) => applyPatch(value, patch ?? []), JSON.parse(spec));
  return withLaterFields(stored as LoadBalancerSpec);
}

/** The patches that lead from one revision to another; undefined for a revision that has none. */
async function readPatches(
  tx: Tx,
  { loadBalancerId, number }: RevisionKey,
  after: number,
): Promise<(Patch | undefined)[]> {
  const rows = await tx
    .selectFrom('revisions')
    .select('patch')
    .where('load_balancer_id', '=', loadBalancerId)
    .where('number', '>', after)
    .where('number', '<=', number)
    .orderBy('number')
    .execute();
  return rows.map(({ patch }) => (patch === null ? undefined : (JSON.parse(patch) as Patch)));
}

/** A spec as it is sent to who has an earlier one. */
export interface SpecPatches {
  /** The tag of the spec that they begin with. */
  base: string;
  patches: Patch[];
}

/**
 * What leads to a revision from the one of which a machine was told with a change.
 * @returns undefined when there is no such way, or the whole spec is no more.
 */
export async function patchesSince(
  tx: Tx,
  key: RevisionKey,
  changeVersion: number,
): Promise<SpecPatches | undefined> {
  const { loadBalancerId } = key;
  const from = await tx
    .selectFrom('revisions')
    .select(['number', 'tag'])
    .where('load_balancer_id', '=', loadBalancerId)
    .where('change_version', '<=', changeVersion)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!from || key.number - from.number > MAX_SENT) return undefined;
  const patches = await readPatches(tx, key, from.number);
  if (patches.includes(undefined)) return undefined;
  return { base: from.tag, patches: patches.filter((patch) => patch !== undefined) };
}

/** What a revision is to hold of its spec: what differs from the one before, and now and then the whole. */
export async function specColumns(
  tx: Tx,
  key: RevisionKey,
  spec: LoadBalancerSpec,
  before: LoadBalancerSpec | undefined,
): Promise<SpecColumns> {
  const baseTag = before && recent.tagOf(before);
  const previous =
    baseTag === undefined
      ? undefined
      : await ofRevision(tx, { ...key, number: key.number - 1 })
          .select(['tag', 'base', 'base_size', 'patches_size'])
          .executeTakeFirst();
  if (!previous || previous.tag !== baseTag) return wholeColumns(key.number, spec);
  const patch = JSON.stringify(patchBetween(before, spec));
  const patches = previous.patches_size + patch.length;
  const columns = { patch, tag: patchedTag(baseTag, patch) };
  const isLong = key.number - previous.base > MAX_PATCHES;
  if (isLong || patches > previous.base_size) {
    const whole = wholeColumns(key.number, spec);
    // A patch that is as long as all of it spares nobody anything.
    return patch.length > whole.base_size ? whole : keep(spec, { ...whole, ...columns });
  }
  return keep(spec, {
    ...columns,
    spec: '',
    base: previous.base,
    base_size: previous.base_size,
    patches_size: patches,
  });
}

function wholeColumns(number: number, spec: LoadBalancerSpec): SpecColumns {
  const text = JSON.stringify(spec);
  return keep(spec, {
    spec: text,
    patch: null,
    tag: wholeTag(text),
    base: number,
    base_size: text.length,
    patches_size: 0,
  });
}

function keep(spec: LoadBalancerSpec, columns: SpecColumns): SpecColumns {
  recent.keep(columns.tag, spec, columns.base_size);
  return columns;
}
