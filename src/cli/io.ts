import type { Runners } from './runners.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where text goes: a terminal, a pipe, or a test's string. */
export interface TextOutput {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

/** Where text comes from. */
type TextInput = NodeJS.ReadableStream & { isTTY?: boolean | undefined };

/** Everything of the outside world that a run of the CLI touches, so that tests can hold it. */
export interface CliIo {
  env: Environment;
  stdin: TextInput;
  stdout: TextOutput;
  stderr: TextOutput;
  /** What `up`, `down`, `server` and `agent` start. */
  runners: Runners;
  /** Aborted when the user presses Ctrl-C. */
  signal: AbortSignal;
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
