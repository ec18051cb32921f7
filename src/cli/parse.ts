import type { Command, Option, Options } from './command.ts';
import { usageError } from './failure.ts';
import { GLOBAL_OPTIONS, type GlobalOptions } from './global-options.ts';
import type { Environment } from './io.ts';

export type Parsed =
  | { kind: 'help' }
  | { kind: 'run'; args: Record<string, unknown>; options: Record<string, unknown>; globals: GlobalOptions };

/** What the words say: values of flags by key, and of arguments in their order. */
export interface Read {
  given: Record<string, unknown>;
  values: readonly unknown[];
}

/** Reads the words after a command's path. Faults of the command line are usage errors. */
export async function parseCommandLine(
  command: Command,
  words: readonly string[],
  env: Environment,
): Promise<Parsed> {
  const read = readPlainWords(command, words) ?? (await readWithFlags(command, words));
  if (!read) return { kind: 'help' };
  const globals = pick(read.given, GLOBAL_OPTIONS) as unknown as GlobalOptions;
  return {
    kind: 'run',
    args: readArguments(command, read.values),
    options: withEnvironment(pick(read.given, command.options), command.options, env),
    globals,
  };
}

/** Words without any flag need no parser, and loading one takes as long as all the rest of a short command. */
export function readPlainWords({ args, options }: Command, words: readonly string[]): Read | undefined {
  if (words.some((word) => word.startsWith('-'))) return undefined;
  const most = args.at(-1)?.variadic ? Infinity : args.length;
  const fewest = args.filter(({ optional }) => !optional).length;
  if (words.length < fewest || words.length > most) return undefined;
  const declared = Object.entries<Option>({ ...GLOBAL_OPTIONS, ...options });
  if (args.some(({ choices }) => choices) || declared.some(([, { required }]) => required)) return undefined;
  const given = declared.map(([key, option]) => [key, option.repeat ? [] : option.default]);
  const values = args.map(({ variadic }, index) => (variadic ? words.slice(index) : words[index]));
  return { given: Object.fromEntries(given), values };
}

async function readWithFlags(command: Command, words: readonly string[]): Promise<Read | undefined> {
  const { readFlaggedWords } = await import('./flag-parser.ts');
  return readFlaggedWords(command, words);
}

function readArguments(command: Command, values: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(
    command.args.map((argument, index) => [
      argument.name,
      values[index] ?? (argument.variadic ? [] : undefined),
    ]),
  );
}

/** A switch that was not given is off; one that can be turned off stays undecided. */
function pick(given: Record<string, unknown>, options: Options): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([key, { value, negatable }]) => [
      key,
      given[key] ?? (value || negatable ? undefined : false),
    ]),
  );
}

function withEnvironment(
  given: Record<string, unknown>,
  options: Options,
  env: Environment,
): Record<string, unknown> {
  const read = { ...given };
  for (const [key, option] of Object.entries(options)) {
    const text = option.env === undefined ? undefined : env[option.env];
    if (!text || (read[key] !== undefined && read[key] !== false)) continue;
    if (option.value) read[key] = option.integer ? integerFrom(option.env ?? '', text) : text;
    else read[key] = ['1', 'true', 'yes'].includes(text);
  }
  return read;
}

function integerFrom(name: string, text: string): number {
  if (!/^-?\d{1,15}$/.test(text))
    throw usageError(`${name} must be a whole number, not ${JSON.stringify(text)}`);
  return Number(text);
}
