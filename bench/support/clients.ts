import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { now, sleep } from './clock.ts';

export interface ClientsOptions {
  host: string;
  port: number;
  /** Clients that send one request after another on a connection. */
  keepingAlive: number;
  /** Clients that open a connection for each request. */
  perRequest: number;
  /** Pause of each client between an answer and its next request. */
  paceMs: number;
}

/** What the clients have seen so far; times by `now()`. */
export interface Seen {
  ok: number;
  failed: number;
  /** Failed requests by what was wrong. */
  faults: Record<string, number>;
  /** When each backend, by the name in its answers, last answered. */
  lastAnswerFrom: Record<string, number>;
  /** When a request last failed. */
  failedAt?: number;
  /** When the first answer after that came. */
  servedAgainAt?: number;
}

export type FromClients = { kind: 'first'; from: string; at: number } | { kind: 'seen'; seen: Seen };

/** Clients that keep a load balancer busy, each with one request at a time, and never send one again. */
export interface Clients {
  seen(): Promise<Seen>;
  /** When a backend first answered one of them. */
  firstAnswerFrom(name: string): Promise<number>;
  stop(): Promise<void>;
}

const TIMEOUT_MS = 15_000;

export async function startClients(options: ClientsOptions): Promise<Clients> {
  const child = fork(join(import.meta.dirname, 'clients-process.ts'), [JSON.stringify(options)]);
  const firsts = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  const asked: ((seen: Seen) => void)[] = [];
  child.on('message', (message: FromClients) => {
    if (message.kind === 'seen') return asked.shift()?.(message.seen);
    firsts.set(message.from, message.at);
    return waiting.get(message.from)?.(message.at);
  });
  const clients: Clients = {
    seen() {
      return new Promise((resolve, reject) => {
        asked.push(resolve);
        child.send('seen', (error) => error && reject(error));
      });
    },
    firstAnswerFrom(name) {
      return new Promise((resolve, reject) => {
        const at = firsts.get(name);
        if (at !== undefined) return resolve(at);
        const timer = setTimeout(
          () => reject(new Error(`${name} answered nobody within ${TIMEOUT_MS} ms`)),
          TIMEOUT_MS,
        );
        waiting.set(name, (when) => {
          clearTimeout(timer);
          resolve(when);
        });
      });
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
  await untilBusy(clients);
  return clients;
}

async function untilBusy(clients: Clients): Promise<void> {
  const deadline = now() + TIMEOUT_MS;
  while ((await clients.seen()).ok < 100) {
    if (now() > deadline) throw new Error('the clients get no answers');
    await sleep(10);
  }
}
