import { unshared } from '../base/unshared.ts';

/**
 * One step from a JSON value to the next one: `value` replaces what is at the path, or puts it there; with `splice`, members
 * of a list give way to others; with `order`, the fields of an object come in this order, and those not named go.
 */
export type Edit =
  | { at: readonly (string | number)[]; value: unknown }
  | {
      at: readonly (string | number)[];
      splice: { start: number; remove: number; insert: readonly unknown[] };
    }
  | { at: readonly (string | number)[]; order: readonly string[] };

/** What turns one JSON value into another, in order. */
export type Patch = readonly Edit[];

type Path = readonly (string | number)[];
type Fields = Readonly<Record<string, unknown>>;

/**
 * The edits that turn `before` into `after`, to the byte of their JSON. Parts that are the very same object are not looked
 * into, so that it costs what differs where {@link shareStructure} has seen to that.
 */
export function patchBetween(before: unknown, after: unknown): Patch {
  const edits: Edit[] = [];
  collect(before, after, [], edits);
  return edits;
}

function collect(before: unknown, after: unknown, at: Path, edits: Edit[]): void {
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) collectList(before, after, at, edits);
  else if (isFields(before) && isFields(after)) collectFields(before, after, at, edits);
  else edits.push({ at, value: after });
}

function collectFields(before: Fields, after: Fields, at: Path, edits: Edit[]): void {
  const names = Object.keys(after);
  for (const name of names) {
    if (!Object.hasOwn(before, name)) edits.push({ at: [...at, name], value: after[name] });
    else if (before[name] !== after[name]) collect(before[name], after[name], [...at, name], edits);
  }
  const known = Object.keys(before);
  if (areSame(known, names)) return;
  const patched = [...known, ...names.filter((name) => !Object.hasOwn(before, name))];
  if (!areSame(patched, names)) edits.push({ at, order: names });
}

function areSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}

function collectList(before: readonly unknown[], after: readonly unknown[], at: Path, edits: Edit[]): void {
  if (before.length === after.length) {
    for (const [index, value] of after.entries()) collect(before[index], value, [...at, index], edits);
    return;
  }
  const { before: gone, after: insert, start } = unshared(before, after);
  if (gone.length > 0 && insert.length > 0 && collectMembers(gone, insert, start, at, edits)) return;
  edits.push({ at, splice: { start, remove: gone.length, insert } });
}

/**
 * What differs between two lists whose members have keys and keep their order: those that go, those that come, and what
 * changes in those that stay. False when they are no such lists.
 */
function collectMembers(
  before: readonly unknown[],
  after: readonly unknown[],
  start: number,
  at: Path,
  edits: Edit[],
): boolean {
  const [old, fresh] = [before.map(keyOf), after.map(keyOf)];
  const [oldKeys, freshKeys] = [new Set(old), new Set(fresh)];
  if (oldKeys.has(undefined) || freshKeys.has(undefined)) return false;
  if (oldKeys.size !== old.length || freshKeys.size !== fresh.length) return false;
  const kept = old.filter((key) => freshKeys.has(key));
  const stays = fresh.filter((key) => oldKeys.has(key));
  if (kept.some((key, index) => key !== stays[index])) return false;
  const members = new Map(before.map((member, index) => [old[index], member]));
  for (let index = old.length - 1; index >= 0; index--)
    if (!freshKeys.has(old[index]))
      edits.push({ at, splice: { start: start + index, remove: 1, insert: [] } });
  for (const [index, member] of after.entries()) {
    const place = start + index;
    if (oldKeys.has(fresh[index])) collect(members.get(fresh[index]), member, [...at, place], edits);
    else edits.push({ at, splice: { start: place, remove: 0, insert: [member] } });
  }
  return true;
}

/** What tells the members of a list apart: a pool's backends by their targets, those of all pools by both, others by name. */
function keyOf(member: unknown): string | undefined {
  if (!isFields(member)) return undefined;
  const { pool, target, name } = member;
  const key = target ?? name;
  if (typeof key !== 'string') return undefined;
  return typeof pool === 'string' ? `${pool} ${key}` : key;
}

/** The value with the edits made. What they do not touch is shared with the value of before, which stays as it is. */
export function applyPatch(value: unknown, patch: Patch): unknown {
  return patch.reduce((current, edit) => editAt(current, edit, 0), value);
}

function editAt(value: unknown, edit: Edit, depth: number): unknown {
  const step = edit.at[depth];
  if (step === undefined) return edited(value, edit);
  if (Array.isArray(value) && typeof step === 'number' && step < value.length)
    return value.with(step, editAt(value[step], edit, depth + 1));
  if (isFields(value) && typeof step === 'string') {
    const inner = Object.hasOwn(value, step) ? value[step] : undefined;
    return { ...value, [step]: editAt(inner, edit, depth + 1) };
  }
  throw new Error(`a patch does not fit: there is no ${edit.at.join('/')}`);
}

function edited(value: unknown, edit: Edit): unknown {
  if ('value' in edit) return edit.value;
  if ('splice' in edit && Array.isArray(value)) {
    const { start, remove, insert } = edit.splice;
    return value.toSpliced(start, remove, ...insert);
  }
  if ('order' in edit && isFields(value))
    return Object.fromEntries(edit.order.map((name) => [name, value[name]]));
  throw new Error(`a patch does not fit at ${edit.at.join('/')}`);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
