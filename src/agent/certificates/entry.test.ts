import { afterAll, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { newEntry, saveRecord } from './entry.ts';
import { readRecord } from './record.ts';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());

it('of several records that are written at once the newest is the one that stays', async () => {
  const entry = newEntry(directory.path, 'app.test', 0.5);
  const saves = Array.from({ length: 40 }, (_, failures) => {
    entry.record = { ...entry.record, failures };
    return saveRecord(entry);
  });
  await Promise.all(saves);
  expect((await readRecord(entry.paths.record))?.failures).toBe(39);
});
