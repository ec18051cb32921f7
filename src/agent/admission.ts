import type { Clock } from '../base/clock.ts';
import { durationMs } from '../base/duration.ts';
import { admissionBackend } from '../haproxy/config/backend.ts';
import type { Server } from '../haproxy/config/server.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import { addToAdmission, removeFromAdmission, runCommands } from '../haproxy/runtime/commands.ts';
import { type RuntimeConnection, withRuntime } from '../haproxy/runtime/connection.ts';
import { type ServerStat, lastCheckResult, parseServerStats } from '../haproxy/runtime/stat.ts';

const POLL_MS = 4;
/** First checks at once: enough to admit thousands in seconds without a storm of connections. */
const CONCURRENCY = 200;
const GRACE_MS = 1000;

export interface AdmissionOptions {
  clock: Clock;
  socketPath: string;
  model: ServiceModel;
  servers: readonly Server[];
  /** Called with HAProxy's verdict as soon as it is there: status `UP` or `DOWN`. */
  onVerdict(server: Server, stat: ServerStat, runtime: RuntimeConnection): Promise<void>;
}

/**
 * Has HAProxy check servers for the first time, at once instead of after an interval. Each gets a twin in a section
 * that serves nobody and is checked every few milliseconds; the twin's first verdict is the server's. So the same
 * check, made by HAProxy itself, decides whether a new backend may have traffic.
 */
export async function admitServers(options: AdmissionOptions): Promise<void> {
  await withRuntime(options.socketPath, async (runtime) => {
    for (let start = 0; start < options.servers.length; start += CONCURRENCY) {
      await admitBatch(options.servers.slice(start, start + CONCURRENCY), options, runtime);
    }
  });
}

async function admitBatch(
  batch: readonly Server[],
  options: AdmissionOptions,
  runtime: RuntimeConnection,
): Promise<void> {
  const { clock, model } = options;
  const waiting = new Map(batch.map((server) => [server.name, server]));
  const deadline = clock.now() + durationMs(model.spec.healthCheck.timeout) + GRACE_MS;
  await runCommands(
    runtime,
    batch.flatMap((server) => addToAdmission(server, model)),
  );
  while (waiting.size > 0 && clock.now() < deadline) {
    await clock.sleep(POLL_MS);
    for (const stat of await admissionStats(runtime, batch)) {
      const server = waiting.get(stat.name);
      if (!server || !hasVerdict(stat)) continue;
      waiting.delete(stat.name);
      await options.onVerdict(server, stat, runtime);
      await retire(server, runtime, clock);
    }
  }
  for (const server of waiting.values()) await retire(server, runtime, clock);
}

async function admissionStats(runtime: RuntimeConnection, batch: readonly Server[]): Promise<ServerStat[]> {
  const pools = [...new Set(batch.map((server) => server.pool))];
  const answers = await Promise.all(
    pools.map((pool) => runtime.send(`show stat ${admissionBackend(pool)} 4 -1`)),
  );
  return answers.flatMap(parseServerStats);
}

/** HAProxy notes a check's result a moment before it changes the server's state: down after a pass is no verdict yet. */
function hasVerdict(stat: ServerStat): boolean {
  return stat.status === 'UP' || (stat.status.startsWith('DOWN') && lastCheckResult(stat) === 'failed');
}

/** A check that is running holds the twin for a moment. */
async function retire(server: Server, runtime: RuntimeConnection, clock: Clock): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await runCommands(runtime, removeFromAdmission(server));
    } catch (error) {
      if (attempt === 20) throw error;
      await clock.sleep(POLL_MS);
    }
  }
}
