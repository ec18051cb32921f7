import { describe, expect, test } from 'vitest';
import {
  NOTHING_SEEN,
  type SpreadBalancer,
  type SpreadNode,
  type Watch,
  nextMove,
  watchNodes,
} from './decide.ts';

const [A, B, C] = ['203.0.113.1', '203.0.113.2', '203.0.113.3'] as const;
const node = (machineId: string, holds: string[], more: Partial<SpreadNode> = {}): SpreadNode => ({
  machineId,
  isWell: true,
  isLastResort: false,
  holds,
  ...more,
});
const balancer = (...nodes: SpreadNode[]): SpreadBalancer => ({
  id: 'lb_1',
  addresses: [
    { address: A, home: 'a' },
    { address: B, home: 'b' },
    { address: C, home: 'c' },
  ],
  nodes,
});
const ALL = balancer(node('a', [A]), node('b', [B]), node('c', [C]));

/** What is done, look by look: each is seconds after the first. */
function moves(...looks: [number, SpreadBalancer][]) {
  let watch: Watch = NOTHING_SEEN;
  return looks.map(([second, view]) => {
    watch = watchNodes(watch, view, second * 1000);
    return nextMove(view, watch, second * 1000);
  });
}

test('nothing moves while all are at home', () => {
  expect(moves([0, ALL], [100, ALL])).toEqual([undefined, undefined]);
});

test('what one has taken at the start goes to the others, one address at a time', () => {
  const start = balancer(node('a', [A, B, C]), node('b', []), node('c', []));
  expect(moves([0, start], [6, start])).toEqual([undefined, { address: B, from: 'a', to: 'b' }]);
  const next = balancer(node('a', [A, C]), node('b', [B]), node('c', []));
  expect(moves([0, start], [6, next])[1]).toEqual({ address: C, from: 'a', to: 'c' });
});

describe('a node that has failed', () => {
  const dead = balancer(node('a', [A]), node('b', [], { isWell: false }), node('c', [C, B]));
  const back = balancer(node('a', [A]), node('b', []), node('c', [C, B]));
  const home = { address: B, from: 'c', to: 'b' };

  test('has its address again when it has been well for a minute', () => {
    expect(moves([0, ALL], [10, dead], [20, back], [79, back], [81, back])).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      home,
    ]);
  });

  test('waits longer each time, and no longer when an hour is over', () => {
    const looks: [number, SpreadBalancer][] = [
      [0, ALL],
      [10, dead],
      [20, back],
      [81, back],
      [90, ALL],
      [100, dead],
      [110, back],
    ];
    expect(moves(...looks, [171, back], [231, back]).slice(-2)).toEqual([undefined, home]);
    expect(moves(...looks, [231, ALL], [4000, dead], [4010, back], [4071, back]).at(-1)).toEqual(home);
  });

  test('counts as such though nobody saw more than that another has its address', () => {
    expect(moves([0, ALL], [10, back], [16, back], [71, back]).map(Boolean)).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });
});

describe('a node that has given its part up', () => {
  const away = balancer(node('a', [A]), node('b', [], { isLastResort: true }), node('c', [C, B]));
  test('keeps none, and has its own again soon after it takes its part', () => {
    expect(moves([0, ALL], [10, away], [100, away])).toEqual([undefined, undefined, undefined]);
    const back = balancer(node('a', [A]), node('b', []), node('c', [C, B]));
    expect(moves([0, ALL], [10, away], [20, away], [30, back])[3]).toEqual({
      address: B,
      from: 'c',
      to: 'b',
    });
  });

  test('gives away what it had to take when another is there again', () => {
    const alone = balancer(node('b', [A, B, C], { isLastResort: true }), node('c', []));
    expect(moves([0, alone], [6, alone])[1]).toEqual({ address: A, from: 'b', to: 'c' });
  });
});

test('nobody is asked while it is not clear who has an address', () => {
  const both = balancer(node('a', [A, B]), node('b', []), node('c', [C, B]));
  const nobody = balancer(node('a', [A]), node('b', []), node('c', [C]));
  const silent = balancer(node('a', [A]), node('b', []), node('c', [C, B], { isWell: false }));
  for (const view of [both, nobody, silent]) expect(moves([0, view], [100, view])[1]).toBeUndefined();
});

test('where its home is gone, an address stays with whoever took it', () => {
  const gone = balancer(node('a', [A]), node('b', [], { isWell: false }), node('c', [C, B]));
  expect(moves([0, gone], [1000, gone])[1]).toBeUndefined();
});
