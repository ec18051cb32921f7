/** How often each value was measured, the smallest first. */
export type Counts = [value: number, count: number][];

/** Counts values, those from 1000 on to three digits: so many thousands of them stay a short list that can be added to another. */
export function countValues(values: readonly number[]): Counts {
  const counts = new Map<number, number>();
  for (const value of values) {
    const rounded = value < 1000 ? value : Number(value.toPrecision(3));
    counts.set(rounded, (counts.get(rounded) ?? 0) + 1);
  }
  return sorted(counts);
}

export function addCounts(lists: readonly Counts[]): Counts {
  const sum = new Map<number, number>();
  for (const [value, count] of lists.flat()) sum.set(value, (sum.get(value) ?? 0) + count);
  return sorted(sum);
}

/** The value that a share of all counted ones does not exceed, by the nearest rank; 0 of nothing. */
export function percentile(counts: Counts, share: number): number {
  const rank = Math.ceil(share * totalOf(counts));
  let seen = 0;
  for (const [value, count] of counts) {
    seen += count;
    if (seen >= rank) return value;
  }
  return 0;
}

export function totalOf(counts: Counts): number {
  return counts.reduce((sum, [, count]) => sum + count, 0);
}

function sorted(counts: ReadonlyMap<number, number>): Counts {
  return [...counts].toSorted(([left], [right]) => left - right);
}
