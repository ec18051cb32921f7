import type { Clock } from '../../../src/base/clock.ts';

/** The real time, which can be put forward: what waits until then goes on. */
export interface TestClock extends Clock {
  advance(ms: number): void;
}

/** @param ahead by how much it is before the real time to begin with, in milliseconds */
export function createTestClock(ahead = 0): TestClock {
  const sleepers = new Set<() => void>();
  const now = () => Date.now() + ahead;
  return {
    now,
    sleep(ms, signal) {
      const until = now() + ms;
      return new Promise((resolve) => {
        let timer: NodeJS.Timeout | undefined;
        const end = () => {
          clearTimeout(timer);
          sleepers.delete(look);
          signal?.removeEventListener('abort', end);
          resolve();
        };
        const look = () => {
          clearTimeout(timer);
          const left = until - now();
          if (left <= 0 || signal?.aborted) return end();
          timer = setTimeout(look, Math.min(left, 2 ** 31 - 1));
        };
        sleepers.add(look);
        signal?.addEventListener('abort', end);
        look();
      });
    },
    advance(ms) {
      ahead += ms;
      for (const look of sleepers) look();
    },
  };
}
