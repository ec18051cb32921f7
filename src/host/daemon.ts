import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { systemClock } from '../base/clock.ts';
import { readTextIfExists } from './files.ts';
import { commandLine, isRunning, signal } from './processes.ts';

const STOP_TIMEOUT_MS = 5000;
const POLL_MS = 10;

/**
 * The process whose number a file holds; undefined when it does not run.
 * @param path what it has in its command line: the number may have gone to another process since.
 */
export async function findDaemon(pidFile: string, path: string): Promise<number | undefined> {
  const pid = Number(await readTextIfExists(pidFile));
  return pid > 0 && isRunning(pid) && commandLine(pid).includes(path) ? pid : undefined;
}

/**
 * Starts a program in a session of its own, so that it outlives this process, with nothing of our environment but where
 * programs are.
 * @param log gets what it says; what stood there is gone.
 * @throws when it cannot be started at all.
 */
export async function startDaemon(program: string, args: readonly string[], log: string): Promise<number> {
  const output = openSync(log, 'a', 0o600);
  ftruncateSync(output);
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', output, output],
    cwd: '/',
    env: { PATH: process.env['PATH'] ?? '' },
  });
  closeSync(output);
  await once(child, 'spawn');
  child.unref();
  return child.pid ?? 0;
}

/** Asks it to end, and ends it when it does not within five seconds. */
export async function stopDaemon(pid: number): Promise<void> {
  signal(pid, 'SIGTERM');
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while (isRunning(pid) && performance.now() < deadline) await systemClock.sleep(POLL_MS);
  if (isRunning(pid)) signal(pid, 'SIGKILL');
}
