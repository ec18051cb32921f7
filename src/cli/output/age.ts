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

/** A time for people: `2026-11-23 04:26:00 UTC (3h ago)`. */
export function formatTime(time: string, now: number): string {
  return `${time.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')} (${formatAge(time, now)} ago)`;
}
