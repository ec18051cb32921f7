/** Texts below this are read faster than they are found again. */
const MIN_CACHED = 4096;
/** Characters of all texts that are kept. */
const MAX_KEPT = 16_000_000;

/** What large texts were read as, the most recently used last. */
const recent = new Map<string, unknown>();
let kept = 0;
const written = new WeakMap<object, string>();

/**
 * Reads JSON of the store. A large text that was read or written lately gives the same object again, which spares
 * reading it, and makes what has not changed recognizable as the same. Nobody may change what is returned.
 */
export function readStored(text: string): unknown {
  if (text.length < MIN_CACHED) return JSON.parse(text);
  const value = recent.has(text) ? recent.get(text) : (JSON.parse(text) as unknown);
  remember(text, value);
  return value;
}

/** Writes a value that nobody changes any more. */
export function writeStored(value: object): string {
  const known = written.get(value);
  if (known !== undefined) return known;
  const text = JSON.stringify(value);
  written.set(value, text);
  if (text.length >= MIN_CACHED) remember(text, value);
  return text;
}

function remember(text: string, value: unknown): void {
  if (!recent.delete(text)) kept += text.length;
  recent.set(text, value);
  for (const oldest of recent.keys()) {
    if (kept <= MAX_KEPT || oldest === text) return;
    recent.delete(oldest);
    kept -= oldest.length;
  }
}
