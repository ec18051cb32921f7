import type { PercentilesMs } from '../../api/stats.ts';

/** Percentiles by the nearest rank; the list must not be empty. */
export function percentiles(times: readonly number[]): PercentilesMs {
  const sorted = times.toSorted((left, right) => left - right);
  const rank = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { p50: rank(0.5), p90: rank(0.9), p99: rank(0.99), requests: sorted.length };
}
