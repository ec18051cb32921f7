import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { systemClock } from '../../../base/clock.ts';
import { exec, findProgram } from '../../../host/exec.ts';
import { readTextIfExists } from '../../../host/files.ts';
import { commandLine, isRunning, signal } from '../../../host/processes.ts';
import type { FloatingPaths } from '../paths.ts';

const STOP_TIMEOUT_MS = 5000;
const POLL_MS = 10;
/** Where it is allowed, which it is not everywhere. */
const CHRT = findProgram('chrt');
const REAL_TIME = ['--fifo', '1'];

/** The BIRD of a load balancer, whoever started it; undefined when none runs. */
export function findBird({ birdPid, birdConfig }: FloatingPaths): Promise<number | undefined> {
  return findOwn(birdPid, birdConfig);
}

/** The process that a file names, if it is still the one that has this path in its command line. */
async function findOwn(pidFile: string, path: string): Promise<number | undefined> {
  const pid = Number(await readTextIfExists(pidFile));
  return pid > 0 && isRunning(pid) && commandLine(pid).includes(path) ? pid : undefined;
}

/**
 * Starts BIRD in a session of its own, so that it outlives the agent.
 * @throws when it cannot be started at all. What it says of its configuration stands in its log.
 */
export async function startBird(binary: string, paths: FloatingPaths): Promise<number> {
  await rm(paths.birdSocket, { force: true });
  // Packets of BFD that wait for a busy processor look like a node that is dead.
  const isUrgent = (await exec(CHRT, [...REAL_TIME, 'true'])).code === 0;
  const [program = binary, ...before] = isUrgent ? [CHRT, ...REAL_TIME, binary] : [binary];
  return start(paths, program, [
    ...before,
    '-f',
    '-c',
    paths.birdConfig,
    '-s',
    paths.birdSocket,
    '-P',
    paths.birdPid,
  ]);
}

/** Starts what takes announcements back without the agent, unless it runs. */
export async function watchBird(paths: FloatingPaths): Promise<void> {
  if ((await findOwn(paths.birdWatchPid, paths.birdWatch)) !== undefined) return;
  await start(paths, '/bin/sh', [paths.birdWatch]);
}

async function start(paths: FloatingPaths, program: string, args: readonly string[]): Promise<number> {
  const log = openSync(`${paths.birdLog}.start`, 'w', 0o600);
  const child = spawn(program, args, {
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

/** Ends it: routers see its sessions close, and what watches it ends as well. */
export async function stopBird(pid: number): Promise<void> {
  signal(pid, 'SIGTERM');
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while (isRunning(pid) && performance.now() < deadline) await systemClock.sleep(POLL_MS);
  if (isRunning(pid)) signal(pid, 'SIGKILL');
}
