import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface RacersOptions {
  host: string;
  port: number;
  /** After so long the backend closes an idle connection. */
  idleMs: number;
}

export interface RaceTally {
  ok: number;
  failed: number;
  faults: Record<string, number>;
}

export type RaceCounts = Record<'GET' | 'POST', RaceTally>;

/** Clients that open a connection for each request, in bursts that come when backends close what was idle since the last. */
export interface Racers {
  counts(): Promise<RaceCounts>;
  stop(): Promise<void>;
}

export async function startRacers(options: RacersOptions): Promise<Racers> {
  const child = fork(join(import.meta.dirname, 'racers-process.ts'), [JSON.stringify(options)]);
  return {
    async counts() {
      child.send('counts');
      const [counts] = (await once(child, 'message')) as [RaceCounts];
      return counts;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
