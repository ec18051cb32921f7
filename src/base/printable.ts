/** What may be shown as it is: letters, digits, punctuation and symbols of any script, and the plain space. */
const VISIBLE = /^[\p{L}\p{N}\p{P}\p{S} ]$/u;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

/**
 * Bytes or text from elsewhere, made safe to show: control characters, marks that turn or hide text, and bytes that are
 * no UTF-8 are written out (`\x1b`, `\u202e`). What is cut off is told by `…`.
 * @param max the most characters of the answer.
 */
export function printable(given: Uint8Array | string, max: number): string {
  // A character takes at least a byte, so there is no need to look at more than may be shown.
  const text = typeof given === 'string' ? given.slice(0, max + 1) : decode(given.subarray(0, 4 * (max + 1)));
  let shown = '';
  for (const character of text) {
    const next = SHORT[character] ?? (VISIBLE.test(character) ? character : escaped(character));
    if (shown.length + next.length > max) return `${shown}…`;
    shown += next;
  }
  return shown;
}

/** Bytes that are no UTF-8 become characters of the private use area, which {@link escaped} tells apart. */
function decode(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    text +=
      length === 0
        ? String.fromCodePoint(STRAY + (bytes[at] ?? 0))
        : utf8.decode(bytes.subarray(at, at + length));
    at += Math.max(1, length);
  }
  return text;
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** The last plane is nobody's, and its characters are never visible. */
const STRAY = 0x10_f000;

/** Bytes of the UTF-8 character that begins there; 0 when none does. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  const sequence = bytes.subarray(at, at + length);
  if (sequence.length < length) return 0;
  return utf8.decode(sequence).includes('\ufffd') ? 0 : length;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code >= STRAY && code < STRAY + 0x100) return hexEscape(code - STRAY);
  return code < 0x100 ? hexEscape(code) : `\\u${code.toString(16).padStart(4, '0')}`;
}

function hexEscape(code: number): string {
  return `\\x${code.toString(16).padStart(2, '0')}`;
}
