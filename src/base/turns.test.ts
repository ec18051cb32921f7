import { expect, test } from 'vitest';
import { inTurns } from './turns.ts';

const LONG = Array.from({ length: 1234 }, (_, index) => index);

test('the parts of a list are all of it, in its order', async () => {
  for (const list of [[], [1], LONG]) {
    const parts: number[] = [];
    for await (const part of inTurns(list)) parts.push(...part);
    expect(parts).toEqual(list);
  }
});

test('others have their turn while much is done with each part', async () => {
  let turns = 0;
  const other = setInterval(() => (turns += 1), 0);
  for await (const part of inTurns(LONG)) {
    const until = performance.now() + 3;
    while (performance.now() < until) expect(part.length).toBeGreaterThan(0);
  }
  clearInterval(other);
  expect(turns).toBeGreaterThan(5);
});
