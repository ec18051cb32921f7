import { describe, expect, test } from 'vitest';
import { readFlaggedWords } from './flag-parser.ts';
import { parseCommandLine, readPlainWords } from './parse.ts';
import { loadAll } from './registry.ts';

describe('words without flags are read as the parser of flags reads them', async () => {
  const commands = (await loadAll()).map((command) => [command.path.join(' '), command] as const);

  test.each(commands)('%s', (_, command) => {
    for (const words of [[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['', 'b']]) {
      const plain = readPlainWords(command, words);
      if (!plain) continue;
      const flagged = readFlaggedWords(command, words);
      const known = Object.entries(plain.given).filter(([, value]) => value !== undefined);
      expect(Object.fromEntries(known)).toEqual(flagged?.given);
      const filled = flagged?.values.map((value, index) =>
        command.args[index]?.variadic ? (value ?? []) : value,
      );
      expect(plain.values).toEqual(filled);
    }
  });
});

test('only what is certainly right is read without it', async () => {
  const all = await loadAll();
  const find = (path: string) => all.find((command) => command.path.join(' ') === path);
  const list = find('lb list');
  const create = find('lb create');
  if (!list || !create) throw new Error('a command is missing');
  expect(readPlainWords(list, [])).toBeDefined();
  expect(readPlainWords(list, ['-q'])).toBeUndefined();
  expect(readPlainWords(list, ['extra'])).toBeUndefined();
  expect(readPlainWords(create, ['web-lb'])).toBeUndefined();
  await expect(parseCommandLine(list, ['--help'], {})).resolves.toEqual({ kind: 'help' });
});
