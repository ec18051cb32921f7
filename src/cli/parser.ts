import { Command as Parser, CommanderError, InvalidArgumentError, Option as ParserOption } from 'commander';
import { type Command, type Option, type Options, flagName } from './command.ts';
import { usageError } from './failure.ts';
import { GLOBAL_OPTIONS, type GlobalOptions } from './global-options.ts';
import type { Environment } from './io.ts';

export type Parsed =
  | { kind: 'help' }
  | { kind: 'run'; args: Record<string, unknown>; options: Record<string, unknown>; globals: GlobalOptions };

/** Reads the words after a command's path. Faults of the command line are usage errors. */
export function parseCommandLine(command: Command, words: readonly string[], env: Environment): Parsed {
  const parser = createParser(command);
  try {
    parser.parse([...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return { kind: 'help' };
    throw usageError(error.message.replace(/^error: /, ''), `agentmetal ${command.path.join(' ')} --help`);
  }
  const given = parser.opts<Record<string, unknown>>();
  const globals = pick(given, GLOBAL_OPTIONS) as unknown as GlobalOptions;
  return {
    kind: 'run',
    args: readArguments(command, parser.processedArgs),
    options: withEnvironment(pick(given, command.options), command.options, env),
    globals,
  };
}

function createParser(command: Command): Parser {
  const parser = new Parser(`agentmetal ${command.path.join(' ')}`)
    .exitOverride()
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
    .allowExcessArguments(false);
  for (const argument of command.args) {
    const usage = argument.optional
      ? `[${argument.name}${argument.variadic ? '...' : ''}]`
      : `<${argument.name}${argument.variadic ? '...' : ''}>`;
    const made = parser.createArgument(usage, argument.summary);
    parser.addArgument(argument.choices ? made.choices([...argument.choices]) : made);
  }
  for (const [key, option] of Object.entries<Option>({ ...GLOBAL_OPTIONS, ...command.options })) {
    for (const made of parserOptions(key, option)) parser.addOption(made);
  }
  return parser;
}

function parserOptions(key: string, option: Option): ParserOption[] {
  const long = `--${flagName(key)}`;
  const flags = `${option.short ? `-${option.short}, ` : ''}${long}${option.value ? ` <${option.value}>` : ''}`;
  const made = new ParserOption(flags, option.summary);
  if (option.choices) made.choices([...option.choices]);
  if (option.default !== undefined) made.default(option.default);
  if (option.required) made.makeOptionMandatory();
  if (option.repeat) made.default([]).argParser((value: string, before: string[]) => [...before, value]);
  if (option.integer) made.argParser(parseInteger);
  return option.negatable ? [made, new ParserOption(`--no-${flagName(key)}`)] : [made];
}

function parseInteger(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
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
