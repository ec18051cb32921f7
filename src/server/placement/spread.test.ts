import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseHomes, takingOrder } from './spread.ts';

const ascending = (left: number, right: number) => left - right;
const at = (home: string | null, holder?: string) => ({ home, holder });

describe('homes of addresses', () => {
  test('each machine has one', () => {
    expect(chooseHomes([at(null), at(null), at(null)], ['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
  });

  test('who has an address keeps it', () => {
    expect(chooseHomes([at(null, 'b'), at(null), at(null)], ['a', 'b', 'c'])).toEqual(['b', 'a', 'c']);
    expect(chooseHomes([at(null, 'b'), at(null, 'b'), at(null, 'b')], ['a', 'b', 'c'])).toEqual([
      'b',
      'a',
      'c',
    ]);
  });

  test('when a machine is replaced, nothing but its own address moves', () => {
    expect(chooseHomes([at('a'), at('b', 'c'), at('c')], ['a', 'c', 'd'])).toEqual(['a', 'd', 'c']);
  });

  test('with fewer machines some have two, and with one more that gets one of them', () => {
    expect(chooseHomes([at('a'), at('b'), at('c')], ['a', 'b'])).toEqual(['a', 'b', 'a']);
    expect(chooseHomes([at('a'), at('b'), at('a')], ['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
    expect(chooseHomes([at('a'), at('b')], [])).toEqual([null, null]);
  });

  test('are as even as can be, whatever was before', () => {
    const machine = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const address = fc.record({
      home: fc.option(machine),
      holder: fc.option(machine, { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.array(address, { maxLength: 6 }),
        fc.uniqueArray(machine, { minLength: 1 }),
        (addresses, machines) => {
          const homes = chooseHomes(addresses, machines);
          const counts = machines.map((each) => homes.filter((home) => home === each).length);
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          expect(counts.reduce((sum, each) => sum + each, 0)).toBe(addresses.length);
          const again = chooseHomes(
            homes.map((home) => ({ home })),
            machines,
          );
          expect(again).toEqual(homes);
        },
      ),
    );
  });
});

describe('the order in which machines take an address', () => {
  test('begins at home and holds each once', () => {
    expect(takingOrder('b', 0, ['a', 'b', 'c', 'd'])).toEqual(['b', 'c', 'd', 'a']);
    expect(takingOrder('b', 1, ['a', 'b', 'c', 'd'])).toEqual(['b', 'a', 'd', 'c']);
    expect(takingOrder(null, 0, ['a', 'b'])).toEqual(['a', 'b']);
  });

  test('two of four that are gone leave one address to each of the others', () => {
    const machines = ['a', 'b', 'c', 'd'];
    for (const first of machines)
      for (const second of machines.filter((each) => each > first)) {
        const holders = machines.map((home, slot) =>
          takingOrder(home, slot, machines).find((each) => each !== first && each !== second),
        );
        expect(
          machines.map((each) => holders.filter((holder) => holder === each).length).toSorted(ascending),
        ).toEqual([0, 0, 2, 2]);
      }
  });
});
