const WRITTEN_OUT = /retry after (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?: ?(?:UTC|Z|\+0000))?/i;
/** Let's Encrypt's longest limit is a week; whatever says more is taken for that. */
const LONGEST_MS = 8 * 86_400_000;

/**
 * The moment that a Retry-After header names, in seconds or as a date (RFC 9110, 10.2.3).
 * @returns milliseconds since the epoch; undefined when it names none.
 */
export function retryAfterHeader(value: string, now: number): number | undefined {
  const text = value.trim();
  const at = /^\d{1,9}$/.test(text) ? now + Number(text) * 1000 : Date.parse(text);
  return Number.isNaN(at) ? undefined : bounded(at, now);
}

/** The moment that a CA's sentence names: `… retry after 2026-11-24 10:00:00 UTC: see …`. */
export function retryAfterWords(text: string, now: number): number | undefined {
  const [, day, time] = WRITTEN_OUT.exec(text) ?? [];
  if (day === undefined || time === undefined) return undefined;
  const at = Date.parse(`${day}T${time}Z`);
  return Number.isNaN(at) ? undefined : bounded(at, now);
}

function bounded(at: number, now: number): number {
  return Math.min(at, now + LONGEST_MS);
}
