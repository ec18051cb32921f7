/** Units that a duration may carry, as HAProxy writes them (configuration manual, section 2.5 "Time format"). */
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;

/**
 * Reads a duration such as `500ms`, `5s`, `2m` or `1h`.
 * @returns milliseconds, or `undefined` when the text is not a duration.
 */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (!match) return undefined;
  const [, count = '', unit = ''] = match;
  return Number(count) * (UNIT_MS[unit] ?? Number.NaN);
}

/** Milliseconds of a duration that the spec's schema has accepted already. */
export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new Error(`not a duration: ${text}`);
  return ms;
}

/** Writes milliseconds in the largest unit that is exact: 60000 is `1m`, 1500 is `1500ms`. */
export function formatDuration(ms: number): string {
  const units = Object.entries(UNIT_MS).toReversed();
  for (const [unit, size] of units) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
