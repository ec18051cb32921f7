import { jsonPointer } from '../base/pointer.ts';
import { unshared } from '../base/unshared.ts';

/** One difference between two states of a resource. */
export interface Change {
  /** RFC 6901 pointer; members of a list are named by their key: `/spec/backends/web-1:8080/weight`. */
  pointer: string;
  /** The value before; absent where the field is new. */
  from?: unknown;
  /** The value after; absent where the field is gone. */
  to?: unknown;
}

/** The field by which the members of a list are told apart, so that a removal is not shown as ten moves. */
const KEY_FIELDS = ['target', 'name'] as const;

/** All differences between two JSON values, in the order of the pointers' appearance. */
export function diffValues(from: unknown, to: unknown, path: readonly string[] = []): Change[] {
  if (from === to) return [];
  const [before, after] = isKeyedPair(from, to)
    ? unsharedMembers(from, to)
    : [membersOf(from, to), membersOf(to, from)];
  if (!before || !after) return JSON.stringify(from) === JSON.stringify(to) ? [] : [change(path, from, to)];
  const keys = new Set([...before.keys(), ...after.keys()]);
  const changes = [...keys].flatMap((key) => diffValues(before.get(key), after.get(key), [...path, key]));
  const isReordered =
    changes.length === 0 && Array.isArray(from) && JSON.stringify(from) !== JSON.stringify(to);
  return isReordered ? [change(path, from, to)] : changes;
}

function change(path: readonly string[], from: unknown, to: unknown): Change {
  return {
    pointer: jsonPointer(path),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

/** Long lists differ in a few members: those that are the very same at both ends are not looked at. */
function isKeyedPair(from: unknown, to: unknown): from is readonly unknown[] {
  return Array.isArray(from) && Array.isArray(to) && from.length > 0 && keyOf(from[0]) !== undefined;
}

function unsharedMembers(from: readonly unknown[], to: unknown): (Map<string, unknown> | undefined)[] {
  const { before, after } = unshared(from, to as readonly unknown[]);
  return [membersOf(before), membersOf(after)];
}

/**
 * The members by key: an object's fields, or a list's entries where each of them has a key.
 * @param other in which fields may be the very same, as most of a thousand are: those are left out.
 */
function membersOf(value: unknown, other?: unknown): Map<string, unknown> | undefined {
  if (Array.isArray(value)) return keyedEntries(value);
  if (!isFields(value)) return undefined;
  const known = isFields(other) ? other : {};
  return new Map(Object.entries(value).filter(([name, field]) => field !== known[name]));
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keyedEntries(list: readonly unknown[]): Map<string, unknown> | undefined {
  const entries = new Map<string, unknown>();
  for (const item of list) {
    const key = keyOf(item);
    if (key === undefined || entries.has(key)) return undefined;
    entries.set(key, item);
  }
  return entries;
}

function keyOf(item: unknown): string | undefined {
  if (typeof item !== 'object' || item === null) return undefined;
  for (const field of KEY_FIELDS) {
    const value = (item as Record<string, unknown>)[field];
    if (typeof value === 'string') return value;
  }
  return undefined;
}
