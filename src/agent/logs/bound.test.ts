import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { MAX_LOG_BYTES, boundLogs } from './bound.ts';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());

test('a log that a program goes on writing to stays within its bound, and keeps its newest lines', async () => {
  const path = join(directory.path, 'haproxy.log');
  const other = join(directory.path, 'kept.json');
  await writeFile(other, 'x'.repeat(2 * MAX_LOG_BYTES));
  const log = openSync(path, 'a');
  const line = (number: number) => `[WARNING] Server be/web-${number} is DOWN ${'.'.repeat(60)}\n`;
  let count = 0;
  for (let round = 0; round < 3; round++) {
    for (let written = 0; written <= MAX_LOG_BYTES; written += line(count).length)
      writeSync(log, line(count++));
    await boundLogs([directory.path, join(directory.path, 'none')]);
    const text = await readFile(path, 'utf8');
    expect(text.length).toBeLessThanOrEqual(MAX_LOG_BYTES / 2);
    expect(text.length).toBeGreaterThan(MAX_LOG_BYTES / 4);
    expect(text.startsWith('[WARNING] Server be/web-')).toBe(true);
    expect(text.endsWith(line(count - 1))).toBe(true);
  }
  writeSync(log, line(count));
  closeSync(log);
  expect((await readFile(path, 'utf8')).endsWith(`${line(count - 1)}${line(count)}`)).toBe(true);
  expect((await readFile(other, 'utf8')).length).toBe(2 * MAX_LOG_BYTES);
});
