import { type Argument, type Command, type Completes, type Option, flagName } from '../command.ts';
import { GLOBAL_OPTIONS } from '../global-options.ts';
import { COMMANDS, GROUPS } from '../registry.ts';
import { nextWords } from '../resolve.ts';
import type { CliContext } from '../session.ts';
import { resourceNames } from './names.ts';

export interface Candidate {
  text: string;
  summary?: string;
}

type OpenSession = (given: { url?: string; context?: string; apiKeyFile?: string }) => CliContext;

/** What may stand in the place of the last word, which may be unfinished. */
export async function candidates(words: readonly string[], open: OpenSession): Promise<Candidate[]> {
  const current = words.at(-1) ?? '';
  const { path, command, rest, flags } = await read(words.slice(0, -1));
  const found = await offer({ path, command, rest, flags, current, open });
  return found.filter(({ text }) => text.startsWith(current));
}

interface State {
  path: string;
  command: Command | undefined;
  /** Words after the path that are no flags. */
  rest: string[];
  /** Values of flags so far, and the flag whose value is due. */
  flags: { given: Record<string, string>; due: Option | undefined };
}

interface Place extends State {
  current: string;
  open: OpenSession;
}

async function offer({ path, command, rest, flags, current, open }: Place): Promise<Candidate[]> {
  const names = (what: Completes | undefined) =>
    what === undefined ? [] : resourceNames(what, { session: open(flags.given), words: rest });
  if (flags.due)
    return flags.due.choices ? flags.due.choices.map(plain) : (await names(flags.due.completes)).map(plain);
  if (current.startsWith('-')) return optionCandidates(command);
  if (!command) return Promise.all(nextWords(path).map((word) => describe(path, word)));
  const argument = argumentAt(command.args, rest.length);
  if (!argument) return [];
  return argument.choices ? argument.choices.map(plain) : (await names(argument.completes)).map(plain);
}

/** Reads the words so far, forgiving whatever is not known. */
async function read(words: readonly string[]): Promise<State> {
  const state: State = { path: '', command: undefined, rest: [], flags: { given: {}, due: undefined } };
  let dueKey: string | undefined;
  for (const word of words) {
    if (state.flags.due) {
      state.flags.given[dueKey ?? ''] = word;
      state.flags.due = undefined;
    } else if (word.startsWith('-')) {
      const found = findOption(word, state.command);
      dueKey = found?.[0];
      state.flags.due = found?.[1].value === undefined || word.includes('=') ? undefined : found[1];
    } else if (state.command) state.rest.push(word);
    else await descend(state, word);
  }
  return state;
}

async function descend(state: State, word: string): Promise<void> {
  state.path = state.path === '' ? word : `${state.path} ${word}`;
  state.command = Object.hasOwn(COMMANDS, state.path) ? await COMMANDS[state.path]?.() : undefined;
}

function findOption(word: string, command: Command | undefined): [string, Option] | undefined {
  const [flag = ''] = word.split('=', 1);
  return Object.entries<Option>({ ...GLOBAL_OPTIONS, ...command?.options }).find(
    ([key, { short }]) => flag === `--${flagName(key)}` || flag === `-${short ?? ''}`,
  );
}

function optionCandidates(command: Command | undefined): Candidate[] {
  return Object.entries<Option>({ ...command?.options, ...GLOBAL_OPTIONS }).flatMap(
    ([key, { summary, negatable }]) => [
      { text: `--${flagName(key)}`, summary },
      ...(negatable ? [{ text: `--no-${flagName(key)}`, summary: `Not: ${summary}` }] : []),
    ],
  );
}

function argumentAt(args: readonly Argument[], index: number): Argument | undefined {
  const last = args.at(-1);
  return args[index] ?? (last?.variadic ? last : undefined);
}

async function describe(path: string, word: string): Promise<Candidate> {
  const full = path === '' ? word : `${path} ${word}`;
  const summary = (await COMMANDS[full]?.())?.summary ?? GROUPS[full];
  return summary === undefined ? { text: word } : { text: word, summary };
}

function plain(text: string): Candidate {
  return { text };
}
