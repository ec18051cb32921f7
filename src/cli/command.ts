import type { CliContext } from './session.ts';

/** What the shell can offer in a place: names that the control plane or this machine knows. */
export type Completes =
  | 'load-balancer'
  | 'backend'
  | 'pool'
  | 'route'
  | 'vpc'
  | 'dns-zone'
  | 'key'
  | 'machine'
  | 'context'
  | 'file';

/** A word on the command line that has no flag. */
export interface Argument {
  /** Key under which the command gets it; help shows it in upper case. */
  name: string;
  summary: string;
  optional?: true;
  /** Takes all the words that follow. Only the last argument may. */
  variadic?: true;
  choices?: readonly string[];
  completes?: Completes;
}

/** A flag. Its name is the key under which the command declares it, in kebab case. */
export interface Option {
  summary: string;
  /** What help shows for the value, e.g. `HOST:PORT`. A flag without it is a switch. */
  value?: string;
  short?: string;
  /** May be given several times; the command gets a list. */
  repeat?: true;
  integer?: true;
  required?: true;
  /** A switch that can also be turned off: `--no-…`. */
  negatable?: true;
  choices?: readonly string[];
  default?: string;
  /** Environment variable that stands in when the flag is not given. */
  env?: string;
  completes?: Completes;
}

export type Options = Readonly<Record<string, Option>>;

type Given<O> = O extends { repeat: true }
  ? string[]
  : O extends { integer: true }
    ? number
    : O extends { value: string }
      ? string
      : boolean;

type OptionValue<O> = O extends { repeat: true } | { required: true } | { default: string }
  ? Given<O>
  : O extends { value: string } | { negatable: true }
    ? Given<O> | undefined
    : boolean;

export type OptionValues<T> = { [K in keyof T]: OptionValue<T[K]> };

type ArgumentValue<A> = A extends { variadic: true }
  ? string[]
  : A extends { optional: true }
    ? string | undefined
    : string;

type ArgumentValues<T extends readonly Argument[]> = {
  [A in T[number] as A['name']]: ArgumentValue<A>;
};

/** What a command gets: the words and the flags, read and typed. */
interface Input<A extends readonly Argument[], O extends Options> {
  args: ArgumentValues<A>;
  options: OptionValues<O>;
}

/** A command as data: the parser, the help, the completion and the reference are made from it. */
export interface Command<A extends readonly Argument[] = readonly Argument[], O extends Options = Options> {
  /** The words that call it: `['lb', 'create']`. */
  path: readonly string[];
  /** One line for lists of commands, without a full stop. */
  summary: string;
  /** What else there is to know, in sentences. */
  description?: string;
  args: A;
  options: O;
  /** Lines to type, as they are. */
  examples: readonly string[];
  /** Leaves it out of help, completion and reference. */
  hidden?: true;
  /** @returns the exit code; nothing is 0. */
  run(ctx: CliContext, input: Input<A, O>): Promise<number | void>;
}

/** Declares a command. It returns what it is given: the types of the input follow from the data. */
export function defineCommand<const A extends readonly Argument[], const O extends Options>(
  command: Command<A, O>,
): Command<A, O> {
  return command;
}

/** `healthCheck` is `--health-check` on the command line. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** An argument as usage lines show it: `NAME`, `[NAME]`, `ADDRESS...`. */
export function argumentUsage({ name, optional, variadic }: Argument): string {
  const word = flagName(name).toUpperCase() + (variadic ? '...' : '');
  return optional ? `[${word}]` : word;
}

/** An option as help shows it: `-o, --output FORMAT`. */
export function optionUsage(key: string, { short, value, negatable }: Option): string {
  const long = `--${negatable ? '[no-]' : ''}${flagName(key)}`;
  return `${short ? `-${short}, ` : ''}${long}${value ? ` ${value}` : ''}`;
}
