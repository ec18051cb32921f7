export interface BackoffOptions {
  /** First delay in milliseconds. */
  initialMs: number;
  /** Longest delay in milliseconds. */
  maxMs: number;
  /** Source of randomness in [0, 1); injected so that tests are exact. */
  random: () => number;
}

/** Exponential delays with full jitter in the upper half, so that many agents do not come back in step. */
export function createBackoff({ initialMs, maxMs, random }: BackoffOptions): {
  next(): number;
  reset(): void;
} {
  let attempt = 0;
  return {
    next() {
      const ceiling = Math.min(maxMs, initialMs * 2 ** attempt);
      attempt = Math.min(attempt + 1, 30);
      return Math.round(ceiling / 2 + (random() * ceiling) / 2);
    },
    reset() {
      attempt = 0;
    },
  };
}
