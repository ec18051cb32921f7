import { median, sum } from './statistics.ts';
import { cpuMicroseconds } from './usage.ts';
import { runWrk } from './wrk.ts';

/** One of the proxies that are held against each other. */
export interface Contestant {
  name: string;
  url: string;
  /** Processes whose CPU counts. */
  pids(): Promise<number[]>;
}

/** How all of them are asked. */
export interface Mode {
  title: string;
  isConnectionPerRequest: boolean;
  connections: number;
  seconds: number;
  rounds: number;
  /** A file of Lua that makes the requests. */
  script?: string;
}

export interface Round {
  perSecond: number;
  p99: number;
  /** Microseconds of CPU that the proxy spent on a request. */
  cpu: number;
  failed: number;
}

export interface Result {
  name: string;
  rounds: Round[];
}

/** Has all take turns in each round; the order rotates, so that nobody is always first or behind the same other one. */
export async function contest(contestants: readonly Contestant[], mode: Mode): Promise<Result[]> {
  // One round that is not counted: connections to the servers are made, caches are warm.
  for (const contestant of contestants) await runRound(contestant, { ...mode, seconds: 1 });
  const results = contestants.map(({ name }): Result => ({ name, rounds: [] }));
  for (let round = 0; round < mode.rounds; round++) {
    for (const index of contestants.keys()) {
      const turn = (index + round) % contestants.length;
      const contestant = contestants[turn];
      if (contestant) results[turn]?.rounds.push(await runRound(contestant, mode));
    }
  }
  return results;
}

async function runRound({ url, pids }: Contestant, mode: Mode): Promise<Round> {
  const used = async () => sum(await Promise.all((await pids()).map(cpuMicroseconds)));
  const before = await used();
  const { title: _title, rounds: _rounds, ...options } = mode;
  const { requests, perSecond, p99, failed } = await runWrk({ ...options, url });
  return { perSecond, p99, failed, cpu: ((await used()) - before) / requests };
}

/** The median of each round's own ratio: what disturbs the machine for a while disturbs both sides of it. */
export function ratio(of: Result, to: Result, read: (round: Round) => number): number {
  return median(
    of.rounds.flatMap((round, index) => {
      const other = to.rounds[index];
      return other ? [read(round) / read(other)] : [];
    }),
  );
}
