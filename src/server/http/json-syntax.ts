const SPACE = /[ \t\n\r]*/y;
const TOKEN = /[{}[\],:]|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
/** Of a string, piece by piece: millions of escapes in one expression are more than the engine's stack holds. */
// oxlint-disable-next-line no-control-regex -- strings of JSON may not hold them
const IN_STRING = /[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y;

type Expected = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end' | 'end';

/** Where a text that is no JSON (RFC 8259) stops being JSON. The engine's own message often leaves the place out. */
export function syntaxErrorPosition(text: string): number {
  const open: string[] = [];
  let expected: Expected = 'value';
  let position = skip(SPACE, text, 0);
  while (position < text.length) {
    const end = text[position] === '"' ? stringEnd(text, position) : skip(TOKEN, text, position);
    const next: Expected | undefined =
      end > position ? accept(text.slice(position, Math.min(end, position + 1)), expected, open) : undefined;
    if (next === undefined) return position;
    expected = next;
    position = skip(SPACE, text, end);
  }
  return position;
}

/** Where the string that begins there ends; its beginning when it does not. */
function stringEnd(text: string, from: number): number {
  let position = from + 1;
  for (let next = skip(IN_STRING, text, position); next > position; next = skip(IN_STRING, text, position))
    position = next;
  return text[position] === '"' ? position + 1 : from;
}

/** What may follow a token that begins with `first`; `undefined` when the token itself may not stand here. */
function accept(first: string, expected: Expected, open: string[]): Expected | undefined {
  if (first === '}' || first === ']') return close(first, expected, open);
  if (first === ',') {
    if (expected !== 'comma-or-end') return undefined;
    return open.at(-1) === '{' ? 'key' : 'value';
  }
  if (first === ':') return expected === 'colon' ? 'value' : undefined;
  if (expected === 'key' || expected === 'key-or-end') return first === '"' ? 'colon' : undefined;
  if (expected !== 'value' && expected !== 'value-or-end') return undefined;
  if (first === '{' || first === '[') {
    open.push(first);
    return first === '{' ? 'key-or-end' : 'value-or-end';
  }
  return afterValue(open);
}

function close(bracket: '}' | ']', expected: Expected, open: string[]): Expected | undefined {
  const empty: Expected = bracket === '}' ? 'key-or-end' : 'value-or-end';
  if (open.at(-1) !== (bracket === '}' ? '{' : '[') || (expected !== 'comma-or-end' && expected !== empty))
    return undefined;
  open.pop();
  return afterValue(open);
}

function afterValue(open: readonly string[]): Expected {
  return open.length === 0 ? 'end' : 'comma-or-end';
}

function skip(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : from;
}
