import { createClient } from './client.ts';
import type { ClientsOptions, FromClients, Seen } from './clients.ts';
import { now, sleep } from './clock.ts';

// The clients run in a process of their own: what they cost shall not delay what is measured about them.
const options = JSON.parse(process.argv[2] ?? '') as ClientsOptions;
const seen: Seen = { ok: 0, failed: 0, faults: {}, lastAnswerFrom: {} };

function tell(message: FromClients): void {
  process.send?.(message);
}

function noteAnswer(from: string): void {
  const at = now();
  seen.ok += 1;
  if (seen.lastAnswerFrom[from] === undefined) tell({ kind: 'first', from, at });
  seen.lastAnswerFrom[from] = at;
  if (seen.failedAt !== undefined) seen.servedAgainAt ??= at;
}

function noteFailure(error: unknown): void {
  const fault = error instanceof Error ? error.message : String(error);
  seen.failed += 1;
  seen.faults[fault] = (seen.faults[fault] ?? 0) + 1;
  seen.failedAt = now();
  delete seen.servedAgainAt;
}

async function runClient(isKeepingAlive: boolean): Promise<never> {
  const client = createClient({ host: options.host, port: options.port, isKeepingAlive });
  for (;;) {
    await client.ask().then(noteAnswer, noteFailure);
    await sleep(options.paceMs);
  }
}

// Whatever the other side sends, it asks for this.
process.on('message', () => tell({ kind: 'seen', seen }));
process.on('disconnect', () => process.exit());
// Ctrl-C reaches the whole group; who started the clients ends them.
process.on('SIGINT', () => undefined);
for (let index = 0; index < options.keepingAlive; index++) void runClient(true);
for (let index = 0; index < options.perRequest; index++) void runClient(false);
