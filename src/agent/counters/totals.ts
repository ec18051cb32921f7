import type { Values } from './readings.ts';

/** What is kept of the totals on disk. */
export interface SavedTotals {
  /** Totals by key. */
  totals: ReadonlyMap<string, Values>;
  /** What each worker had told last, by worker and key. */
  workers: ReadonlyMap<string, ReadonlyMap<string, Values>>;
}

/** Sums of counters that begin at 0 in every worker. They never go backwards. */
export interface Totals {
  /**
   * Takes in what a worker tells. With `isComplete`, what it does not tell of any more was removed from it, and begins
   * at 0 again should it come back.
   */
  observe(worker: string, readings: Iterable<{ key: string; values: Values }>, isComplete: boolean): void;
  /** Takes in that a worker has ended. */
  end(worker: string): void;
  workers(): string[];
  get(key: string): Values | undefined;
  /** All totals as they are now. */
  snapshot(): ReadonlyMap<string, Values>;
  save(): SavedTotals;
}

/** So many totals are kept of what is no longer there, those that changed last. */
const MAX_GONE = 10_000;

const NOTHING: SavedTotals = { totals: new Map(), workers: new Map() };

export function createTotals(saved = NOTHING, maxGone = MAX_GONE): Totals {
  const totals = new Map(saved.totals);
  const workers = copies(saved.workers);
  const add = (key: string, delta: Values) => {
    const before = totals.get(key);
    // Last in the order of the map, because it changed last.
    totals.delete(key);
    totals.set(key, before ? before.map((value, index) => value + (delta[index] ?? 0)) : delta);
  };
  const isTold = (key: string) => [...workers.values()].some((last) => last.has(key));
  const forgetOldest = () => {
    const told = Math.max(0, ...[...workers.values()].map((last) => last.size));
    let surplus = totals.size - told - maxGone;
    for (const key of surplus > 0 ? totals.keys() : []) {
      if (surplus <= 0) return;
      if (isTold(key)) continue;
      totals.delete(key);
      surplus -= 1;
    }
  };
  return {
    observe(worker, readings, isComplete) {
      const before = workers.get(worker) ?? new Map<string, Values>();
      const now = isComplete ? new Map<string, Values>() : before;
      for (const { key, values } of readings) {
        const last = before.get(key);
        // Of ten thousand servers most have had nothing to do since the last look.
        if (last && isEqual(last, values)) now.set(key, last);
        else {
          add(key, growth(last, values));
          now.set(key, values);
        }
      }
      workers.set(worker, now);
      forgetOldest();
    },
    end(worker) {
      workers.delete(worker);
    },
    workers: () => [...workers.keys()],
    get: (key) => totals.get(key),
    snapshot: () => new Map(totals),
    save: () => ({ totals: new Map(totals), workers: copies(workers) }),
  };
}

function copies(workers: SavedTotals['workers']): Map<string, Map<string, Values>> {
  return new Map([...workers].map(([worker, last]) => [worker, new Map(last)]));
}

function isEqual(left: Values, right: Values): boolean {
  for (let index = 0; index < right.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

/** By how much something has grown; one that has shrunk was removed and added again, and counts from 0. */
function growth(before: Values | undefined, now: Values): Values {
  if (!before || now.some((value, index) => value < (before[index] ?? 0))) return now;
  return now.map((value, index) => value - (before[index] ?? 0));
}
