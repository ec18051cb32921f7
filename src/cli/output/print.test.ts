import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { serialize } from './print.ts';
import { printable } from './style.ts';

/** CSI of one byte, the text turned round, and what takes no room: none of it is for a terminal. */
const HOSTILE = 'a\u009b31m\u202eb\u200bc\u001b[0m';
// oxlint-disable-next-line no-control-regex
const STEERS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e]/;

describe('what clients have sent', () => {
  it.each(['json', 'yaml'] as const)('steers no terminal as %s, and is still what it was', async (format) => {
    const value = { [HOSTILE]: [HOSTILE], plain: 'Grüße, 世界' };
    const text = await serialize(value, format);
    expect(text).not.toMatch(STEERS);
    expect(text).toContain('Grüße, 世界');
    expect(format === 'json' ? JSON.parse(text) : parse(text)).toEqual(value);
  });

  it('steers none in words and tables', () => {
    expect(printable(HOSTILE)).toBe('a\\x9b31m\\u202eb\\u200bc\\x1b[0m');
    expect(printable('Grüße, 世界')).toBe('Grüße, 世界');
  });
});
