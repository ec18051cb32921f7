import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { MAX_UNTOLD_TURNS, Untold, type UntoldTurn } from '../api/agent.ts';
import { createUntoldTurns } from './untold.ts';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());
const logger = pino({ level: 'silent' });

let files = 0;
const newPath = () => join(directory.path, `untold-${files++}.json`);
const turn = (number: number): UntoldTurn => ({
  at: new Date(number * 1000).toISOString(),
  pool: 'default',
  target: 'web-1:80',
  state: number % 2 === 0 ? 'up' : 'down',
  reason: `turn ${number}`,
});
const turns = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => turn(from + index));

test('what was told is forgotten, what came meanwhile is told next', async () => {
  const untold = createUntoldTurns(newPath(), logger);
  expect(untold.offer()).toBeUndefined();
  untold.add(turns(0, 2));
  expect(untold.offer()).toEqual({ turns: turns(0, 2), dropped: 0 });
  untold.add([turn(2)]);
  untold.told();
  expect(untold.offer()).toEqual({ turns: [turn(2)], dropped: 0 });
  // It could not be told: all of it is told later.
  expect(untold.offer()).toEqual({ turns: [turn(2)], dropped: 0 });
});

test('the oldest are dropped, and how many that were is told once', async () => {
  const path = newPath();
  const untold = createUntoldTurns(path, logger);
  for (let number = 0; number < 10_000; number++) untold.add([turn(number)]);
  const kept = turns(10_000 - MAX_UNTOLD_TURNS, MAX_UNTOLD_TURNS);
  expect(untold.offer()).toEqual({ turns: kept, dropped: 10_000 - MAX_UNTOLD_TURNS });
  expect(Untold.parse(untold.offer())).toBeDefined();
  // One more is dropped while that is on its way: it has been told.
  untold.add([turn(10_000)]);
  untold.told();
  expect(untold.offer()).toEqual({ turns: [turn(10_000)], dropped: 0 });
});

test('an agent that starts anew knows it still, and its file goes when it is told', async () => {
  const path = newPath();
  const before = createUntoldTurns(path, logger);
  before.add(turns(0, MAX_UNTOLD_TURNS + 7));
  await before.save();
  const untold = createUntoldTurns(path, logger);
  // Its HAProxy may have been looked at first.
  untold.add([turn(400)]);
  await untold.load();
  expect(untold.offer()).toEqual({ turns: [...turns(8, MAX_UNTOLD_TURNS - 1), turn(400)], dropped: 8 });
  untold.told();
  await untold.save();
  expect(existsSync(path)).toBe(false);
});

test('a file that is damaged is as good as none', async () => {
  const path = newPath();
  await writeFile(path, '{"turns":[{"at"');
  const untold = createUntoldTurns(path, logger);
  await untold.load();
  expect(untold.offer()).toBeUndefined();
  untold.add([turn(1)]);
  await untold.save();
  const after = createUntoldTurns(path, logger);
  await after.load();
  expect(after.offer()).toEqual({ turns: [turn(1)], dropped: 0 });
});
