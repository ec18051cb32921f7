import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyPatch, patchBetween } from './patch.ts';
import { shareStructure } from './share.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', '1', 'target');
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, 1, 'x', ''),
    fc.array(tie('any'), { maxLength: 5 }),
    fc.dictionary(name, tie('any'), { maxKeys: 4 }),
    fc.array(fc.record({ target: fc.constantFrom('a:1', 'b:1', 'c:1'), weight: fc.nat(2) }), {
      maxLength: 6,
    }),
  ),
})).any;
const json = (from: unknown) => JSON.stringify(from);

test('a patch turns one value into the other, to the byte, through JSON, and leaves the first as it was', () => {
  fc.assert(
    fc.property(value, value, (before, after) => {
      const text = json(before);
      const patch = JSON.parse(json(patchBetween(before, after))) as ReturnType<typeof patchBetween>;
      expect(json(applyPatch(before, patch))).toBe(json(after));
      expect(json(before)).toBe(text);
      const shared = shareStructure(before, after);
      expect(json(shared)).toBe(json(after));
      expect(json(applyPatch(before, patchBetween(before, shared)))).toBe(json(after));
    }),
    { numRuns: 500 },
  );
});

test('nothing is said of what is the same', () => {
  fc.assert(
    fc.property(value, (any) => {
      const copy = JSON.parse(json(any)) as unknown;
      expect(patchBetween(any, shareStructure(any, copy))).toEqual([]);
    }),
  );
});

test('a change of one of many members is told as that one', () => {
  const many = Array.from({ length: 5000 }, (_, index) => ({ target: `a:${index}`, weight: 1 }));
  const before = { list: many };
  const other = { target: 'a:7', weight: 2 };
  expect(patchBetween(before, { list: many.with(7, other) })).toEqual([
    { at: ['list', 7, 'weight'], value: 2 },
  ]);
  expect(patchBetween(before, { list: many.toSpliced(7, 1) })).toEqual([
    { at: ['list'], splice: { start: 7, remove: 1, insert: [] } },
  ]);
  const after = applyPatch(before, patchBetween(before, { list: [...many, other] })) as typeof before;
  expect(after.list).toHaveLength(5001);
  expect(after.list.every((member, index) => index === 5000 || member === many[index])).toBe(true);
});

test('a patch of something else is refused', () => {
  expect(() => applyPatch({ list: [] }, [{ at: ['list', 3], value: 1 }])).toThrow('does not fit');
  expect(() =>
    applyPatch({ list: 1 }, [{ at: ['list'], splice: { start: 0, remove: 0, insert: [] } }]),
  ).toThrow('does not fit');
});
