import {
  type Argument,
  type Command,
  type Option,
  type Options,
  argumentUsage,
  optionUsage,
} from '../command.ts';
import { GLOBAL_OPTIONS } from '../global-options.ts';

/** What a group of commands shows of each of its members. */
export interface Member {
  word: string;
  summary: string;
}

/** What fits into most terminals. */
const WIDTH = 110;

const GUIDE =
  'Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 not allowed, 6 unavailable,\n7 wait timed out, 8 applied but degraded, 130 interrupted.\n';

/** The help of one command. */
export function renderCommandHelp(command: Command): string {
  return [
    `${usageLine(command)}\n\n${command.summary}.\n`,
    command.description === undefined ? '' : `\n${command.description}\n`,
    section('Arguments', command.args.map(argumentRow)),
    section('Options', optionRows(command.options)),
    section('Global options', [...optionRows(GLOBAL_OPTIONS), ['-h, --help', 'Show this help']]),
    `\nExamples:\n${command.examples.map((example) => `  ${example}\n`).join('')}`,
  ].join('');
}

/** The help of a noun, or of the whole program. */
export function renderGroupHelp(path: string, title: string, members: readonly Member[]): string {
  const name = ['agentmetal', path].filter(Boolean).join(' ');
  return [
    `Usage: ${name} COMMAND [OPTIONS]\n\n${title}.\n`,
    section(
      'Commands',
      members.map(({ word, summary }) => [word, summary]),
    ),
    path === ''
      ? section('Global options', [...optionRows(GLOBAL_OPTIONS), ['-h, --help', 'Show help']])
      : '',
    path === '' ? `\n${GUIDE}` : '',
    `\nFor one command: ${name} COMMAND --help\n`,
  ].join('');
}

/** The first line of a command's help. */
export function usageLine({ path, args }: Pick<Command, 'path' | 'args'>): string {
  return `Usage: agentmetal ${[...path, ...args.map(argumentUsage), '[OPTIONS]'].join(' ')}`;
}

/** Options as help and reference list them: what to type, and what it does. */
export function optionRows(options: Options): Array<[string, string]> {
  return Object.entries(options).map(([key, option]) => [optionUsage(key, option), optionText(option)]);
}

function optionText({ summary, repeat, required, default: preset, env }: Option): string {
  const notes = [
    ...(required ? ['required'] : []),
    ...(repeat ? ['may be repeated'] : []),
    ...(preset === undefined ? [] : [`default: ${preset}`]),
    ...(env === undefined ? [] : [`environment: ${env}`]),
  ];
  return notes.length === 0 ? summary : `${summary} (${notes.join('; ')})`;
}

function argumentRow(argument: Argument): [string, string] {
  return [argumentUsage(argument), argument.summary];
}

function section(title: string, rows: ReadonlyArray<readonly [string, string]>): string {
  if (rows.length === 0) return '';
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(
    ([left, right]) =>
      `  ${left.padEnd(width)}  ${wrap(right, WIDTH - width - 4).join(`\n${' '.repeat(width + 4)}`)}\n`,
  );
  return `\n${title}:\n${lines.join('')}`;
}

/** Lines of at most so many characters, broken between words. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
