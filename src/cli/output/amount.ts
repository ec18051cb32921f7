const STEPS: ReadonlyArray<readonly [unit: string, size: number]> = [
  ['T', 1e12],
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
];

/** A number in few characters: `12`, `1.5k`, `20M`. */
export function formatAmount(value: number): string {
  for (const [unit, size] of STEPS) if (value >= size) return `${short(value / size)}${unit}`;
  return short(value);
}

/** A rate, with a place behind the point where that says something. */
export function formatRate(value: number): string {
  return value >= 1000 ? formatAmount(value) : short(value);
}

function short(value: number): string {
  return value === 0 || value >= 100 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}
