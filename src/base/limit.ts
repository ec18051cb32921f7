/** Lets so many do something at once; the others wait for their turn, in the order in which they came. */
export interface Limit {
  /** Runs it when there is room; not at all when the signal has been aborted by then. */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined>;
}

export function createLimit(max: number): Limit {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    async run(work, signal) {
      if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
      else running += 1;
      try {
        return signal.aborted ? undefined : await work();
      } finally {
        // Whoever waits takes the place over, so that it is never free in between.
        const next = waiting.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
