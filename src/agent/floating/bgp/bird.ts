import { rm } from 'node:fs/promises';
import { findDaemon, startDaemon } from '../../../host/daemon.ts';
import { mayBeUrgent, urgently } from '../../../host/urgency.ts';
import type { FloatingPaths } from '../paths.ts';

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
  const args = ['-f', '-c', paths.birdConfig, '-s', paths.birdSocket, '-P', paths.birdPid];
  // Packets of BFD that wait for a busy processor look like a node that is dead.
  const command = (await mayBeUrgent()) ? urgently(binary, args) : ([binary, args] as const);
  return start(paths, ...command);
}

/** Starts what takes announcements back without the agent, unless it runs. */
export async function watchBird(paths: FloatingPaths): Promise<void> {
  if ((await findDaemon(paths.birdWatchPid, paths.birdWatch)) !== undefined) return;
  await start(paths, '/bin/sh', [paths.birdWatch]);
}

function start(paths: FloatingPaths, program: string, args: readonly string[]): Promise<number> {
  return startDaemon(program, args, `${paths.birdLog}.start`);
}
