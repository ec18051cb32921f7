import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { waitFor } from '../../test/support/wait.ts';

export interface Address {
  host: string;
  port: number;
}

/** A program in the foreground that listens: one that ends when it is told to, with its children. */
export interface Program {
  pid: number;
  /** Its own process id and those of its children. */
  pids(): Promise<number[]>;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  listensOn: Address;
}

const STOP_MS = 3000;

/** @throws with what the program said when it ends instead of listening. */
export async function startProgram({ command, args, env, listensOn }: ProgramOptions): Promise<Program> {
  // In a session of its own, as any service is: where the scheduler shares out by session (autogroup), one that shared
  // it with the load generator would get up to a third more or less than one that does not.
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(env ? { env } : {}),
  });
  let fault: Error | undefined;
  let said = '';
  child.once('error', (error) => (fault = error));
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
  const program: Program = {
    pid: child.pid ?? 0,
    pids: () => familyOf(child.pid ?? 0),
    stop: () => endOf(child),
  };
  try {
    await waitFor(`${command} to listen`, async () => fault || child.exitCode !== null || answers(listensOn));
    if (fault) throw fault;
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
  } catch (error) {
    await program.stop();
    throw new Error(`${command} did not start: ${said}`, { cause: error });
  }
  return program;
}

/** Whether somebody listens there. */
export function answers({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function familyOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return [pid, ...children.trim().split(' ').filter(Boolean).map(Number)];
}

/** Its children too: a master that is killed leaves its workers behind. */
async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const children = (await familyOf(child.pid)).slice(1);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // Not the way out that waits for connections which nobody needs any more.
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
  for (const pid of children) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended with its parent.
    }
  }
}
