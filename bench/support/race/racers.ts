import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface RacersOptions {
  host: string;
  port: number;
  /** After so long the backend closes an idle connection. */
  idleMs: number;
  /** So many hosts, `lane-N.test`, each with a backend of its own. */
  lanes: number;
}

export interface RaceTally {
  ok: number;
  failed: number;
  faults: Record<string, number>;
}

export const RACES = [
  'per request, GET',
  'per request, POST',
  'keep-alive, GET',
  'keep-alive, POST',
] as const;
export type Race = (typeof RACES)[number];
export type RaceCounts = Record<Race, RaceTally>;

/** Clients that come in bursts just when the backends close what has been idle since the last. */
export interface Racers {
  counts(): Promise<RaceCounts>;
  stop(): Promise<void>;
}

export async function startRacers(options: RacersOptions): Promise<Racers> {
  const child = fork(new URL('./racers-process.ts', import.meta.url), [JSON.stringify(options)]);
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
