import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unshared } from './unshared.ts';

describe('what two lists do not share', () => {
  it('is the middle', () => {
    expect(unshared([1, 2, 3, 4], [1, 5, 3, 4])).toEqual({ before: [2], after: [5], start: 1 });
    expect(unshared([1, 2], [1, 2, 3])).toEqual({ before: [], after: [3], start: 2 });
    expect(unshared([1, 1], [1])).toEqual({ before: [1], after: [], start: 1 });
  });

  it('makes the lists again with what they share', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3)), fc.array(fc.nat(3)), (one, two) => {
        const { before, after, start } = unshared(one, two);
        const end = one.slice(start + before.length);
        expect([...one.slice(0, start), ...before, ...end]).toEqual(one);
        expect([...one.slice(0, start), ...after, ...end]).toEqual(two);
      }),
    );
  });
});
