import { type Client, createClient } from '../client.ts';
import { sleep } from '../clock.ts';
import { RACES, type Race, type RaceCounts, type RacersOptions } from './racers.ts';

const { host, port, idleMs, lanes } = JSON.parse(process.argv[2] ?? '') as RacersOptions;
const counts = Object.fromEntries(
  RACES.map((race) => [race, { ok: 0, failed: 0, faults: {} }]),
) as unknown as RaceCounts;
/** Requests in a burst. */
const BURST = 6;
/** How far around the moment of closing the next burst comes. */
const SPREAD_MS = 10;

async function ask(race: Race, client: Client): Promise<void> {
  const tally = counts[race];
  try {
    await client.ask();
    tally.ok += 1;
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    tally.failed += 1;
    tally.faults[fault] = (tally.faults[fault] ?? 0) + 1;
  }
}

async function runLane(lane: number): Promise<never> {
  const isKeepingAlive = lane % 2 === 0;
  const clients = (['GET', 'POST'] as const).flatMap((method) => {
    const race: Race = `${isKeepingAlive ? 'keep-alive' : 'per request'}, ${method}`;
    const body = method === 'POST' ? 'amount=1' : '';
    return Array.from({ length: BURST / 2 }, () => ({
      race,
      client: createClient({ host, port, isKeepingAlive, method, body, hostName: `lane-${lane}.test` }),
    }));
  });
  await sleep((lane * idleMs) / lanes);
  for (;;) {
    await Promise.all(
      clients.map(async ({ race, client }) => {
        await sleep(Math.random() * SPREAD_MS);
        await ask(race, client);
      }),
    );
    await sleep(idleMs - SPREAD_MS + (Math.random() - 0.5) * SPREAD_MS);
  }
}

process.on('message', () => process.send?.(counts));
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
for (let lane = 0; lane < lanes; lane++) void runLane(lane);
