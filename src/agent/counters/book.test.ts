import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { readTotals, writeTotals } from './book.ts';
import { COLUMNS } from './readings.ts';
import { createTotals } from './totals.ts';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());
const file = join(directory.path, 'counters.json');
const values = (first: number) => COLUMNS.map((_, index) => (index === 0 ? first : 0));

test('what was counted is read again as it was written, after more was counted too', async () => {
  const totals = createTotals();
  for (const count of [7, 9]) {
    const readings = [
      { key: 'server/a/1', values: values(count) },
      { key: 'server/a/"quoted"', values: values(1) },
    ];
    totals.observe('worker', readings, true);
    await writeTotals(file, totals.save());
    expect(await readTotals(file)).toEqual(totals.save());
    expect(createTotals(await readTotals(file)).get('server/a/1')).toEqual(values(count));
  }
});

test('columns of another version are told apart by their names', async () => {
  const columns = [...COLUMNS].toReversed();
  await writeFile(
    file,
    JSON.stringify({ columns, totals: { k: columns.map((_, index) => index) }, workers: {} }),
  );
  expect((await readTotals(file))?.totals.get('k')).toEqual(
    COLUMNS.map((_, index) => COLUMNS.length - 1 - index),
  );
});
