import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import { readTextIfExists } from '../../host/files.ts';
import { commandLine, isRunning, signal } from '../../host/processes.ts';
import type { FloatingPaths } from './paths.ts';

const STOP_TIMEOUT_MS = 5000;
const POLL_MS = 10;

/** The keepalived of a load balancer, whoever started it; undefined when none runs. */
export async function findKeepalived(paths: FloatingPaths): Promise<number | undefined> {
  const pid = Number(await readTextIfExists(paths.pidFile));
  // The number may have gone to another process since; ours names its configuration file.
  return pid > 0 && isRunning(pid) && commandLine(pid).includes(paths.config) ? pid : undefined;
}

/**
 * Starts keepalived in a session of its own, so that it outlives the agent.
 * @throws when it cannot be started at all. What it says of its configuration stands in its log.
 */
export async function startKeepalived(binary: string, paths: FloatingPaths): Promise<number> {
  const log = openSync(paths.log, 'a', 0o600);
  await truncate(paths.log);
  const args = ['--dont-fork', '--log-console', '--vrrp', '--use-file', paths.config];
  const child = spawn(binary, [...args, '--pid', paths.pidFile, '--vrrp_pid', paths.vrrpPidFile], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
    env: { PATH: process.env['PATH'] ?? '' },
  });
  closeSync(log);
  await once(child, 'spawn');
  child.unref();
  return child.pid ?? 0;
}

/** Has it read its configuration anew; roles stay. */
export function reloadKeepalived(pid: number): void {
  signal(pid, 'SIGHUP');
}

/** Ends it: it lets go of its addresses and tells the others, one of which takes them. */
export async function stopKeepalived(pid: number): Promise<void> {
  signal(pid, 'SIGTERM');
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while (isRunning(pid) && performance.now() < deadline) await systemClock.sleep(POLL_MS);
  if (isRunning(pid)) signal(pid, 'SIGKILL');
}
