import { usageError } from './failure.ts';

/** Reads `--label env=prod --label tier=web`. A value may be empty and may hold further equals signs. */
export function parseLabels(texts: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const text of texts) {
    const cut = text.indexOf('=');
    if (cut < 1)
      throw usageError(`--label ${JSON.stringify(text)} is not KEY=VALUE`, 'Write it as --label env=prod');
    Object.defineProperty(labels, text.slice(0, cut), {
      value: text.slice(cut + 1),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return labels;
}

/** A merge patch of labels: those to set, and those to take away. */
export function labelPatch(
  set: readonly string[],
  unset: readonly string[],
): Record<string, string | null> | undefined {
  if (set.length === 0 && unset.length === 0) return undefined;
  return { ...Object.fromEntries(unset.map((key) => [key, null])), ...parseLabels(set) };
}
