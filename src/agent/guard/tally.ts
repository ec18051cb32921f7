import type { Sums } from './meter.ts';

/** What was counted since a moment, over as many workers as have served since. It can be kept on disk. */
export interface Tally {
  /** When it began, milliseconds since the epoch. */
  at: number;
  /** The worker that was read last. */
  worker: string;
  /** What that worker had counted when the tally, or the worker, began. */
  base: Sums;
  /** What it had counted when it was read last. */
  last: Sums;
  /** What workers before it counted. */
  carried: Sums;
}

const NOTHING: Sums = { requests: 0, errors: 0 };

/** @param base what the worker has counted by now. */
export function beginTally(at: number, worker: string, base: Sums): Tally {
  return { at, worker, base, last: base, carried: NOTHING };
}

/** Takes in what the serving worker has counted. Another one than before began at 0. */
export function advanceTally(tally: Tally, worker: string, sums: Sums): Tally {
  if (tally.worker === worker) return { ...tally, last: sums };
  return { at: tally.at, worker, base: NOTHING, last: sums, carried: counted(tally) };
}

export function counted({ base, last, carried }: Tally): Sums {
  return {
    requests: carried.requests + Math.max(0, last.requests - base.requests),
    errors: carried.errors + Math.max(0, last.errors - base.errors),
  };
}
