import type { Sums } from './meter.ts';

/** What was counted since a moment, over as many workers as have served since. It can be kept on disk. */
export interface Tally {
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

/** @param base what the worker had counted at the moment; nothing for one that began with it. */
export function beginTally(worker: string, base: Sums = NOTHING): Tally {
  return { worker, base, last: base, carried: NOTHING };
}

/** Takes in what the serving worker has counted. Another one than before began at 0. */
export function advanceTally(tally: Tally, worker: string, sums: Sums): Tally {
  if (tally.worker === worker) return { ...tally, last: sums };
  return { worker, base: NOTHING, last: sums, carried: counted(tally) };
}

export function counted({ base, last, carried }: Tally): Sums {
  return {
    requests: carried.requests + Math.max(0, last.requests - base.requests),
    errors: carried.errors + Math.max(0, last.errors - base.errors),
  };
}
