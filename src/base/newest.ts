/** Values by key, of which only so many are kept: the newest. */
export interface Newest<T> {
  get(key: string): T | undefined;
  keep(key: string, value: T): void;
}

export function createNewest<T>(most: number): Newest<T> {
  /** The newest last. */
  const kept = new Map<string, T>();
  return {
    get: (key) => kept.get(key),
    keep(key, value) {
      kept.delete(key);
      kept.set(key, value);
      if (kept.size > most) kept.delete(kept.keys().next().value ?? '');
    },
  };
}
