import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from './printable.ts';

describe('what comes from elsewhere', () => {
  it.each<[string, string | Buffer, string]>([
    ['plain text', 'all is "well" at 100 %', 'all is "well" at 100 %'],
    ['letters of any script', 'größe 日本 עברית 🙂', 'größe 日本 עברית 🙂'],
    ['line ends and tabs', 'a\r\nb\tc', 'a\\r\\nb\\tc'],
    ['a backslash', 'a\\nb', 'a\\\\nb'],
    ['terminal sequences', '\u001b[2J\u009b31m\u0007', '\\x1b[2J\\x9b31m\\x07'],
    ['marks that turn text', 'a\u202eb\u2066c\ufeff', 'a\\u202eb\\u2066c\\ufeff'],
    ['line separators', 'a\u2028b\u00a0c', 'a\\u2028b\\xa0c'],
    ['bytes that are no UTF-8', Buffer.from([0x61, 0xff, 0x00, 0xc3, 0xa4, 0xc3]), 'a\\xff\\x00ä\\xc3'],
    [
      'overlong and surrogate bytes',
      Buffer.from([0xc0, 0x80, 0xed, 0xa0, 0x80]),
      '\\xc0\\x80\\xed\\xa0\\x80',
    ],
    ['half a character', '\ud83d', '\\ud83d'],
  ])('is shown safely: %s', (_what, given, shown) => {
    expect(printable(given, 1000)).toBe(shown);
  });

  it('is cut where it is too long, and says so', () => {
    expect(printable('a'.repeat(10), 5)).toBe('aaaaa…');
    expect(printable('aaaa\u001b', 5)).toBe('aaaa…');
    expect(printable(Buffer.alloc(1_000_000, 0x61), 3)).toBe('aaa…');
  });

  it('never holds what a terminal would obey, and never more than asked for', () => {
    const any = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 100 }), (given, max) => {
        const shown = printable(given, max);
        expect(shown.length).toBeLessThanOrEqual(max + 1);
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: 1000 },
    );
  });
});
