import { unshared } from '../base/unshared.ts';

/**
 * The same JSON value, in which parts that are as before are the very objects of before. What is made of a part is kept with
 * the object, so a change costs what has changed, not what there is. Members of a list are found again by their key
 * (`target` or `name`) when they have moved.
 */
export function shareStructure<T>(before: unknown, after: T): T {
  return share(before, after) as T;
}

function share(before: unknown, after: unknown): unknown {
  if (before === after || typeof before !== 'object' || before === null) return after;
  if (Array.isArray(after)) return Array.isArray(before) ? shareList(before, after) : after;
  return isFields(after) && isFields(before) ? shareFields(before, after) : after;
}

type Fields = Readonly<Record<string, unknown>>;

function shareFields(before: Fields, after: Fields): Fields {
  const names = Object.keys(after);
  const known = Object.keys(before);
  // Fields in another order are not the same: what is written of them differs.
  let isSame = names.length === known.length && names.every((name, index) => name === known[index]);
  const replaced = new Map<string, unknown>();
  for (const name of names) {
    const present = after[name];
    const old = before[name];
    if (old === present) continue;
    const value = Object.hasOwn(before, name) ? share(old, present) : present;
    if (value !== old) isSame = false;
    if (value !== present) replaced.set(name, value);
  }
  if (isSame) return before;
  if (replaced.size === 0) return after;
  return Object.fromEntries(
    names.map((name) => [name, replaced.has(name) ? replaced.get(name) : after[name]]),
  );
}

function shareList(before: readonly unknown[], after: readonly unknown[]): readonly unknown[] {
  const { before: old, after: rest, start } = unshared(before, after);
  if (old.length === 0 && rest.length === 0) return before;
  let byKey: Map<string, unknown> | undefined;
  let isSame = old.length === rest.length;
  const shared = rest.map((member, index) => {
    let known = old[index];
    const key = keyOf(member);
    if (key !== undefined && keyOf(known) !== key) {
      byKey ??= new Map(old.map((entry) => [keyOf(entry) ?? '', entry]));
      known = byKey.get(key);
    }
    const value = share(known, member);
    if (value !== old[index]) isSame = false;
    return value;
  });
  if (isSame) return before;
  return rest.length === after.length ? shared : after.toSpliced(start, rest.length, ...shared);
}

function keyOf(member: unknown): string | undefined {
  if (!isFields(member)) return undefined;
  const key = member['target'] ?? member['name'];
  return typeof key === 'string' ? key : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
