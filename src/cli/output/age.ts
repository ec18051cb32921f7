const STEPS: ReadonlyArray<readonly [unit: string, seconds: number]> = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
];

/** How long ago a time was, as tables show it: `45s`, `12m`, `3h`, `9d`. */
export function formatAge(time: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  if (Number.isNaN(seconds)) return '';
  for (const [unit, size] of STEPS) {
    if (seconds >= size) return `${Math.floor(seconds / size)}${unit}`;
  }
  return `${seconds}s`;
}

/** A time for people, gone by or to come: `2026-11-23 04:26:00 UTC (3h ago)`, `(in 31s)`. */
export function formatTime(time: string, now: number): string {
  const ahead = Date.parse(time) - now;
  // Clocks differ a little: what was just now is no time to come.
  const distance =
    ahead >= 2000
      ? `in ${formatAge(new Date(now - ahead).toISOString(), now)}`
      : `${formatAge(time, now)} ago`;
  return `${time.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')} (${distance})`;
}

const UNITS: ReadonlyArray<readonly [unit: string, seconds: number]> = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** A span of time in its largest unit: `39 days`. */
function formatSpan(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? ['second', 1];
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** A time for people, gone by or to come: `2027-01-01 00:00:00 UTC (39 days left)`. */
export function formatMoment(time: string, now: number): string {
  const ms = Date.parse(time) - now;
  const distance = ms > 0 ? `${formatSpan(ms)} left` : `${formatSpan(-ms)} ago`;
  return `${time.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')} (${distance})`;
}
