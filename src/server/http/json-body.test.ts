import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJsonBody } from './json-body.ts';
import { syntaxErrorPosition } from './json-syntax.ts';

test('whatever JSON.parse writes is read back', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
      const text = JSON.stringify(value);
      if (text.includes('__proto__')) return;
      expect(parseJsonBody(Buffer.from(text))).toEqual(JSON.parse(text));
      expect(syntaxErrorPosition(text)).toBe(text.length);
    }),
  );
});

test('the scanner and the engine agree on what is JSON', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '1',
    '-',
    'true',
    ' ',
    '\n',
    'x',
    '"',
    '0.5e3',
    '01',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      // A text that ends too early is JSON up to its end.
      if (isJson) expect(syntaxErrorPosition(text)).toBe(text.length);
      else expect(syntaxErrorPosition(text)).toBeLessThanOrEqual(text.length);
      const isRefused = syntaxErrorPosition(text) < text.length;
      if (isRefused) expect(isJson).toBe(false);
    }),
  );
});

test.each([
  ['{"a": web}', 6],
  ['{"a":1,}', 7],
  ['[1 2]', 3],
  ['{"a" 1}', 5],
  ['"\u0001"', 0],
  ['{}{}', 2],
  ['{"a":', 5],
  [']', 0],
  ['[}', 1],
  [`{"a":"${'\\\\'.repeat(2_000_000)}`, 5],
])('%j breaks at %i', (text, position) => {
  expect(syntaxErrorPosition(text)).toBe(position);
});
