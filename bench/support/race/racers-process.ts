import { connect } from 'node:net';
import { sleep } from '../clock.ts';
import { exchange, writeRequest } from '../http1.ts';
import type { RaceCounts, RacersOptions } from './racers.ts';

const { host, port, idleMs } = JSON.parse(process.argv[2] ?? '') as RacersOptions;
const counts: RaceCounts = {
  GET: { ok: 0, failed: 0, faults: {} },
  POST: { ok: 0, failed: 0, faults: {} },
};
/** Requests at once in a burst: so many connections to the backend are open afterwards. */
const BURST = 10;
/** How far around the moment of closing the next burst comes. */
const SPREAD_MS = 12;

async function ask(method: 'GET' | 'POST'): Promise<void> {
  const tally = counts[method];
  const socket = connect({ host, port, noDelay: true });
  const body = method === 'POST' ? { body: 'amount=1' } : {};
  try {
    const { status } = await exchange(
      socket,
      writeRequest({ host, method, headers: { Connection: 'close' }, ...body }),
    );
    if (status !== 200) throw new Error(`status ${status}`);
    tally.ok += 1;
  } catch (error) {
    const fault = `${method} ${error instanceof Error ? error.message : String(error)}`;
    tally.failed += 1;
    tally.faults[fault] = (tally.faults[fault] ?? 0) + 1;
  } finally {
    socket.destroy();
  }
}

async function race(): Promise<never> {
  for (let count = 0; ; count++) {
    await Promise.all(
      Array.from({ length: BURST }, async (_, index) => {
        await sleep(Math.random() * 2 * SPREAD_MS);
        await ask(index % 2 === 0 ? 'GET' : 'POST');
      }),
    );
    await sleep(idleMs - SPREAD_MS + (Math.random() - 0.5) * SPREAD_MS);
  }
}

process.on('message', () => process.send?.(counts));
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
// Several in turn, so that some burst meets the moment however long the way to the backend takes.
for (let index = 0; index < 4; index++) void sleep((index * idleMs) / 4).then(race);
