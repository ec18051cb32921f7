import type { Option } from './command.ts';
import { flagName } from './command.ts';
import { usageError } from './failure.ts';
import { GLOBAL_OPTIONS } from './global-options.ts';
import { COMMANDS, GROUPS } from './registry.ts';
import { suggest } from './suggest.ts';

export type Resolved =
  | { kind: 'command'; path: string; words: string[] }
  /** A noun without a verb; `asked` when help was asked for in so many words. */
  | { kind: 'group'; path: string; asked: boolean };

/** Finds the command that the words call: the longest path that is registered. Global flags may come before it. */
export function resolveCommand(argv: readonly string[]): Resolved {
  const { before, words } = splitGlobals(argv);
  const asked = words[0] === 'help' || before.some(isHelp);
  const called = words[0] === 'help' ? words.slice(1) : words;
  let path = '';
  for (const [index, word] of called.entries()) {
    if (isHelp(word)) return { kind: 'group', path, asked: true };
    const next = path === '' ? word : `${path} ${word}`;
    if (Object.hasOwn(COMMANDS, next)) {
      return {
        kind: 'command',
        path: next,
        words: [...before, ...called.slice(index + 1), ...(words[0] === 'help' ? ['--help'] : [])],
      };
    }
    if (!Object.hasOwn(GROUPS, next)) throw unknownCommand(path, word);
    path = next;
  }
  return { kind: 'group', path, asked };
}

/** The words that may follow a path, in the order of the registry. */
export function nextWords(path: string): string[] {
  const prefix = path === '' ? '' : `${path} `;
  const following = Object.keys(COMMANDS)
    .filter((key) => key.startsWith(prefix) && !key.startsWith('__'))
    .map((key) => key.slice(prefix.length).split(' ')[0] ?? '');
  return [...new Set(following)];
}

function unknownCommand(path: string, word: string): Error {
  const place = path === '' ? 'agentmetal' : `agentmetal ${path}`;
  if (word.startsWith('-'))
    return usageError(`${place} has no option ${JSON.stringify(word)} before the command`, `${place} --help`);
  const near = suggest(word, nextWords(path));
  const hint = near === undefined ? `${place} --help` : `Did you mean: ${place} ${near}`;
  return usageError(`${place} has no command ${JSON.stringify(word)}`, hint);
}

/** Takes the global flags off the front, so that `agentmetal -o json lb list` works too. */
function splitGlobals(argv: readonly string[]): { before: string[]; words: string[] } {
  let index = 0;
  while (index < argv.length && argv[index]?.startsWith('-')) {
    index += takesNextWord(argv[index] ?? '') ? 2 : 1;
  }
  return { before: argv.slice(0, index), words: argv.slice(index) };
}

function takesNextWord(word: string): boolean {
  return Object.entries<Option>(GLOBAL_OPTIONS).some(
    ([key, { value, short }]) =>
      value !== undefined && (word === `--${flagName(key)}` || word === `-${short ?? ''}`),
  );
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}
