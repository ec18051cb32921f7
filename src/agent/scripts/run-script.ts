import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { messageOf } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import type { SystemUser } from '../../host/users.ts';
import { ScriptRefused, openScript } from './script-file.ts';

/** What a program is told of the backend that it checks. */
export interface ScriptSubject {
  loadBalancer: string;
  pool: string;
  target: string;
  address: string;
  port: number;
}

export interface ScriptRun {
  /** Folder that the program is in. */
  directory: string;
  name: string;
  /** Who runs it; undefined for the agent's own user. */
  user?: SystemUser | undefined;
  subject: ScriptSubject;
  timeoutMs: number;
  /** Ends it before its time. */
  signal: AbortSignal;
}

/** How a program ended. */
export interface ScriptResult {
  passed: boolean;
  /** What it came to, in words. */
  outcome: string;
  /** Its exit code, its signal, or `refused` and `timeout`. */
  code: string;
  durationMs: number;
}

/** More of what a program says is read away and forgotten. */
const MAX_OUTPUT = 4096;
const MAX_WORDS = 200;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** How long the last of the output is waited for, should something that fled from the group hold it open. */
const LAST_WORDS_MS = 100;
/** Where a program finds the file that was looked at, as the kernel opened it. */
const SCRIPT_FD = 3;

/** Runs a program against a backend, with an end to its time, its output and its children. It never throws. */
export async function runScript(run: ScriptRun): Promise<ScriptResult> {
  const begun = performance.now();
  const result = (passed: boolean, code: string, outcome: string): ScriptResult => ({
    passed,
    code,
    outcome,
    durationMs: Math.round(performance.now() - begun),
  });
  try {
    const file = await openScript(run.directory, run.name, run.user);
    const child = start(run, file.fd);
    const said = read(child);
    const { code, signal, isLate } = await ended(child, run).finally(() => file.close());
    const line = printable(firstLine(await said), MAX_WORDS);
    const words = line === '' ? '' : `: ${line}`;
    if (isLate)
      return result(false, 'timeout', `did not end within ${run.timeoutMs} ms and was killed${words}`);
    if (signal) return result(false, signal, `was killed by ${signal}${words}`);
    return result(code === 0, String(code), code === 0 ? line : `ended with ${code}${words}`);
  } catch (error) {
    const code = error instanceof ScriptRefused ? 'refused' : 'failed';
    return result(false, code, printable(messageOf(error), 300));
  }
}

function start({ name, subject, user }: ScriptRun, fd: number): ChildProcess {
  const { address, port } = subject;
  return spawn(`/proc/self/fd/${SCRIPT_FD}`, [address, String(port)], {
    argv0: name,
    cwd: '/',
    env: environment(subject),
    stdio: ['ignore', 'pipe', 'pipe', fd],
    // A group of its own, so that whatever it starts can be ended with it.
    detached: true,
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
  });
}

function environment({ loadBalancer, pool, target, address, port }: ScriptSubject): Record<string, string> {
  return {
    PATH,
    LANG: 'C.UTF-8',
    AGENTMETAL_LOAD_BALANCER: loadBalancer,
    AGENTMETAL_POOL: pool,
    AGENTMETAL_TARGET: target,
    AGENTMETAL_HOST: target.slice(0, target.lastIndexOf(':')),
    AGENTMETAL_ADDRESS: address,
    AGENTMETAL_PORT: String(port),
  };
}

interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
  isLate: boolean;
}

/** Waits for the program's end, and ends it and its children when the time is over. */
function ended(
  child: ChildProcess,
  { timeoutMs, signal }: Pick<ScriptRun, 'timeoutMs' | 'signal'>,
): Promise<End> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      killGroup(child);
    }, timeoutMs);
    const onAbort = () => killGroup(child);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('exit', (code, killed) => {
      settle();
      // What it has left running holds its output open, and is not wanted.
      killGroup(child);
      setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, LAST_WORDS_MS).unref();
      resolve({ code, signal: killed, isLate });
    });
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: nothing of the group runs any more.
  }
}

async function read({ stdout, stderr }: ChildProcess): Promise<Buffer> {
  let output = Buffer.alloc(0);
  const collect = (stream: Readable | null) =>
    new Promise<void>((resolve) => {
      if (!stream) return resolve();
      stream.on('data', (chunk: Buffer) => {
        if (output.length < MAX_OUTPUT) output = Buffer.concat([output, chunk]).subarray(0, MAX_OUTPUT);
      });
      stream.once('error', () => resolve()).once('close', () => resolve());
    });
  await Promise.all([collect(stdout), collect(stderr)]);
  return output;
}

function firstLine(output: Buffer): Buffer {
  const end = output.indexOf('\n');
  return end < 0 ? output : output.subarray(0, end);
}
