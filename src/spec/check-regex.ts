/** Escapes that JavaScript and PCRE read alike. */
const KNOWN_ESCAPE = /\\(?:[dDwWsSbBnrtf]|x[0-9A-Fa-f]{2}|[\^$\\.*+?()[\]{}|/-])/g;
/** The most repetitions that the counts of a pattern may come to, all of them multiplied. */
const MAX_REPETITIONS = 1000;

/**
 * Says what is wrong with a regular expression that HAProxy is to run on a backend's answers; undefined for a good one.
 * Allowed is what PCRE reads as JavaScript does and what cannot keep HAProxy busy: it ends itself when one search holds
 * it up for seconds, and a backend could bring that about.
 */
export function regexFault(pattern: string): string | undefined {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(pattern)) return 'must be one line; write line ends as \\r\\n';
  if (!pattern.isWellFormed()) return 'must not hold halves of characters';
  const rest = pattern.replace(KNOWN_ESCAPE, '_');
  if (rest.includes('\\'))
    return 'has an escape that is not supported: \\d \\w \\s \\b \\r \\n \\t \\xHH are';
  if (/\(\?(?!:)|\(\*/.test(rest))
    return 'must not look around, name groups or hold options: (?:…) alone is allowed';
  if (/\[\^?\]|\[[.:=]/.test(rest)) return 'has an empty or a POSIX class; write the characters out';
  if (!isRegex(pattern)) return 'is no regular expression';
  return repetitions(rest) > MAX_REPETITIONS
    ? `repeats too often: all counts multiplied must be at most ${MAX_REPETITIONS}`
    : undefined;
}

function isRegex(pattern: string): boolean {
  try {
    // The flag has what is doubtful refused: braces and brackets that stand alone, escapes of letters.
    return new RegExp(pattern, 'u').source !== '';
  } catch {
    // A SyntaxError is the answer that was asked for.
    return false;
  }
}

/** A count that has no upper bound is bounded by the search itself. */
function repetitions(pattern: string): number {
  const counts = [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)];
  return counts.reduce((product, [, low, high]) => product * Math.max(1, Number(high || low)), 1);
}
