import { fork } from 'node:child_process';
import { once } from 'node:events';
import { now, sleep } from '../clock.ts';
import type { BusyOptions, Failure, FromBusy, Seen } from './types.ts';

/** Clients of every kind that keep a proxy busy and never send anything a second time. */
export interface BusyClients {
  seen(): Promise<Seen>;
  /** All failures so far, in order. */
  failures: readonly Failure[];
  pid: number;
  stop(): Promise<void>;
}

const TIMEOUT_MS = 15_000;

export async function startBusyClients(options: BusyOptions): Promise<BusyClients> {
  const child = fork(new URL('./busy-process.ts', import.meta.url), [JSON.stringify(options)]);
  const failures: Failure[] = [];
  const asked: ((seen: Seen) => void)[] = [];
  child.on('message', (message: FromBusy) => {
    if (message.kind === 'seen') asked.shift()?.(message.seen);
    else failures.push(message.failure);
  });
  const clients: BusyClients = {
    failures,
    pid: child.pid ?? 0,
    seen() {
      return new Promise((resolve, reject) => {
        asked.push(resolve);
        child.send('seen', (error) => error && reject(error));
      });
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
  try {
    await untilBusy(clients, options);
  } catch (error) {
    await clients.stop();
    throw error;
  }
  return clients;
}

async function untilBusy(clients: BusyClients, { tcp, tls }: BusyOptions): Promise<void> {
  const deadline = now() + TIMEOUT_MS;
  const isIdle = (seen: Seen) =>
    Object.entries(seen).filter(
      ([kind, { ok }]) => ok < 20 && !(kind === 'TCP stream' && !tcp) && !(kind === 'TLS stream' && !tls),
    );
  for (let idle = isIdle(await clients.seen()); idle.length > 0; idle = isIdle(await clients.seen())) {
    if (now() > deadline)
      throw new Error(
        `clients get no answers: ${JSON.stringify(idle)} ${JSON.stringify(clients.failures.at(-1))}`,
      );
    await sleep(20);
  }
}
