import { createHash } from 'node:crypto';

/** Characters of all values that are kept of one kind. */
const MAX_KEPT = 16_000_000;

/** Large values of the store as they were read or written lately, by what tells them from all others. */
export interface Recent<T extends object> {
  get(tag: string): T | undefined;
  /** @param size about how many characters it takes; versions of one value share most of it. */
  keep(tag: string, value: T, size: number): void;
  /** The tag under which a value was last kept. */
  tagOf(value: T): string | undefined;
}

export function createRecent<T extends object>(): Recent<T> {
  /** The most recently used last. */
  const known = new Map<string, { value: T; size: number }>();
  const tags = new WeakMap<T, string>();
  let kept = 0;
  const keep: Recent<T>['keep'] = (tag, value, size) => {
    tags.set(value, tag);
    kept += size - (known.get(tag)?.size ?? 0);
    known.delete(tag);
    known.set(tag, { value, size });
    for (const [oldest, { size: freed }] of known) {
      if (kept <= MAX_KEPT || oldest === tag) return;
      known.delete(oldest);
      kept -= freed;
    }
  };
  return {
    get(tag) {
      const found = known.get(tag);
      if (found) keep(tag, found.value, found.size);
      return found?.value;
    },
    keep,
    tagOf: (value) => tags.get(value),
  };
}

/** The tag of a value that is told by this text alone. */
export function wholeTag(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/**
 * The tag of a value that is told by a patch of another one. It follows from what is patched and how, so that one tag never
 * stands for two values, whatever was rolled back in between.
 */
export function patchedTag(base: string, patch: string): string {
  return wholeTag(`${base}\n${patch}`);
}
