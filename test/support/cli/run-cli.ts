import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { run } from '../../../src/cli/run.ts';
import type { Runners } from '../../../src/cli/runners.ts';

export interface CliRun {
  /** What is on stdin; undefined is an empty pipe. */
  stdin?: string;
  /** Stdin and stderr are a terminal. */
  terminal?: boolean;
  env?: Record<string, string>;
  runners?: Partial<Runners>;
  signal?: AbortSignal;
  /** Default: the real time. */
  now?: () => number;
}

export interface CliResult {
  code: number;
  out: string;
  err: string;
}

/** Runs the CLI as text: a command line in, exit code and both streams out. */
export async function runCli(
  line: string | readonly string[],
  { stdin = '', terminal = false, env = {}, runners = {}, signal, now = systemClock.now }: CliRun = {},
): Promise<CliResult> {
  const out: string[] = [];
  const err: string[] = [];
  const input = Object.assign(new PassThrough(), { isTTY: terminal });
  input.end(stdin);
  const code = await run(typeof line === 'string' ? splitWords(line) : line, {
    env: { HOME: '/nonexistent', PATH: process.env['PATH'], ...env },
    stdin: input,
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text), isTTY: terminal },
    runners: { up: refuse, down: refuse, server: refuse, agent: refuse, ...runners },
    signal: signal ?? new AbortController().signal,
    now,
    sleep: (_ms, abort) => systemClock.sleep(1, abort),
  });
  return { code, out: out.join(''), err: err.join('') };
}

/** A home of its own, gone after the test. */
export async function temporaryHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'agentmetal-cli-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  return home;
}

/** Words as a shell takes them apart, with single and double quotes. */
function splitWords(line: string): string[] {
  return [...line.replaceAll('\\\n', ' ').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
}

async function refuse(): Promise<number> {
  throw new Error('this test starts nothing');
}
