import { COLUMNS, type Values } from './readings.ts';

const WINDOW_MS = 5000;
const NOTHING: Values = COLUMNS.map(() => 0);

/** Growth of totals each second, as an average of the last five seconds. */
export interface Rates {
  /** @param at milliseconds of a clock that only goes forward. */
  sample(at: number, totals: ReadonlyMap<string, Values>): void;
  perSecond(key: string): Values;
}

interface Sample {
  at: number;
  totals: ReadonlyMap<string, Values>;
}

export function createRates(): Rates {
  let samples: Sample[] = [];
  return {
    sample(at, totals) {
      samples = [...samples, { at, totals }];
      // One from before the window stays: it is where the window begins.
      while (samples[1] && samples[1].at <= at - WINDOW_MS) samples.shift();
    },
    perSecond(key) {
      const [first, last] = [samples[0], samples.at(-1)];
      const now = last?.totals.get(key);
      if (!first || !last || !now || last.at <= first.at) return NOTHING;
      const before = first.totals.get(key) ?? NOTHING;
      const seconds = (last.at - first.at) / 1000;
      return now.map((value, index) => Math.max(0, value - (before[index] ?? 0)) / seconds);
    },
  };
}
