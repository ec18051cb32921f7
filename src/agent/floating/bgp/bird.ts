import { rm } from 'node:fs/promises';
import { findDaemon, startDaemon } from '../../../host/daemon.ts';
import { exec, findProgram } from '../../../host/exec.ts';
import type { FloatingPaths } from '../paths.ts';

/** Where it is allowed, which it is not everywhere. */
const CHRT = findProgram('chrt');
const REAL_TIME = ['--fifo', '1'];

/** The BIRD of a load balancer, whoever started it; undefined when none runs. */
export function findBird({ birdPid, birdConfig }: FloatingPaths): Promise<number | undefined> {
  return findDaemon(birdPid, birdConfig);
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
  if ((await findDaemon(paths.birdWatchPid, paths.birdWatch)) !== undefined) return;
  await start(paths, '/bin/sh', [paths.birdWatch]);
}

function start(paths: FloatingPaths, program: string, args: readonly string[]): Promise<number> {
  return startDaemon(program, args, `${paths.birdLog}.start`);
}
