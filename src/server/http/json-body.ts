import { AppError, messageOf } from '../../base/errors.ts';
import { syntaxErrorPosition } from './json-syntax.ts';

/** Deeper than any body of ours; what recurses over a body never meets a deeper one. */
const MAX_DEPTH = 64;
const PROTO = '__proto__';

/** Reads a JSON body from its bytes; nothing at all is `undefined`. */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const text = decodeUtf8(bytes);
  refuseDeepNesting(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError(
      'invalid_json',
      `the body is not valid JSON: ${syntaxDetail(messageOf(error), text)}`,
      {
        cause: error,
      },
    );
  }
  refuseProtoKey(text, value);
  return value;
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AppError('invalid_json', 'the body is not valid UTF-8', { cause: error });
  }
}

/** The engine's words, without the piece of the body that it quotes, and the place. */
function syntaxDetail(message: string, text: string): string {
  const lines = text.slice(0, syntaxErrorPosition(text)).split('\n');
  const what = message.replace(/,? ?(\.\.\.)?"[^]*$/, '').replace(/ in JSON at position[^]*$/, '');
  return `${what} at line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
}

/** Most readers of objects pass over this key in silence, and what is not understood must be refused. */
function refuseProtoKey(text: string, value: unknown): void {
  if ((text.includes(PROTO) || text.includes('\\u')) && hasProtoKey(value)) {
    throw new AppError('invalid_json', `the body has the key ${PROTO}, which no field here has`);
  }
}

function hasProtoKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, PROTO) || Object.values(value).some(hasProtoKey);
}

function refuseDeepNesting(text: string): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === BACKSLASH) index++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
    if (depth > MAX_DEPTH) {
      throw new AppError('invalid_json', `the body is nested deeper than ${MAX_DEPTH} levels`);
    }
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
