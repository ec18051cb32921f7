import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lastLines, readConsole } from './console.ts';

test('the last lines of a console are shown without what moves a terminal', () => {
  const text = `one\r\ntwo\r\n[\u001b[0;32m  OK  \u001b[0m] Reached target.\r\n\u001b[2J\u001b]0;title\u0007login: `;
  expect(lastLines(text)).toBe('one | two | [  OK  ] Reached target. | login:');
  expect(lastLines('1\n2\n3\n4\n5\n6\n')).toBe('2 | 3 | 4 | 5 | 6');
  expect(lastLines('evil \u202e text')).toBe('evil \\u202e text');
  expect(lastLines('\r\n')).toBe('nothing');
});

test('of a long console the end is read, and of none nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'am-console-'));
  try {
    const path = join(folder, 'console.log');
    expect(await readConsole(path)).toBe('');
    await writeFile(path, `${'x'.repeat(200_000)}\nthe end`);
    const text = await readConsole(path);
    expect(text.length).toBeLessThan(100_000);
    expect(text.endsWith('\nthe end')).toBe(true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
