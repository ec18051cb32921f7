import { Command as Parser, CommanderError, InvalidArgumentError, Option as ParserOption } from 'commander';
import { type Command, type Option, flagName } from './command.ts';
import { usageError } from './failure.ts';
import { GLOBAL_OPTIONS } from './global-options.ts';
import type { Read } from './parse.ts';

/** Reads any words after a command's path; `undefined` when they ask for help. */
export function readFlaggedWords(command: Command, words: readonly string[]): Read | undefined {
  const parser = createParser(command);
  try {
    parser.parse([...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return undefined;
    throw usageError(error.message.replace(/^error: /, ''), `agentmetal ${command.path.join(' ')} --help`);
  }
  return { given: parser.opts<Record<string, unknown>>(), values: parser.processedArgs };
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
