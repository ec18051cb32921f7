import type { Clock } from '../base/clock.ts';
import { durationMs } from '../base/duration.ts';
import { admissionBackend, servedPool } from '../haproxy/config/names.ts';
import { type Server, healthCheckOf, serverKey } from '../haproxy/config/server.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import {
  UnexpectedAnswer,
  addToAdmission,
  removeFromAdmission,
  runCommands,
} from '../haproxy/runtime/commands.ts';
import { type RuntimeConnection, withRuntime } from '../haproxy/runtime/connection.ts';
import { type ServerStat, lastCheckResult, parseServerStats } from '../haproxy/runtime/stat.ts';

const POLL_MS = 4;
/** First checks at once: enough to admit thousands in seconds without a storm of connections. */
const CONCURRENCY = 200;
const GRACE_MS = 1000;
const RETIRE_ATTEMPTS = 20;
const UNTOLD_LOOKS = 5;

export interface AdmissionOptions {
  clock: Clock;
  socketPath: string;
  model: ServiceModel;
  servers: readonly Server[];
  /** Ends the wait for verdicts. */
  signal: AbortSignal;
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
    for (let start = 0; start < options.servers.length && !options.signal.aborted; start += CONCURRENCY) {
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
  const waiting = new Map(batch.map((server) => [serverKey(server), server]));
  const untold = new Map<string, number>();
  const timeouts = batch.map((server) => durationMs(healthCheckOf(server, model).timeout));
  const deadline = clock.now() + Math.max(...timeouts) + GRACE_MS;
  try {
    await runCommands(
      runtime,
      batch.flatMap((server) => addToAdmission(server, model)),
    );
    while (waiting.size > 0 && clock.now() < deadline && !options.signal.aborted) {
      await clock.sleep(POLL_MS);
      for (const stat of await admissionStats(runtime, batch)) {
        const key = serverKey({ pool: servedPool(stat.pool) ?? '', name: stat.name });
        const server = waiting.get(key);
        if (!server || !hasVerdict(stat)) continue;
        // While the twin's next check runs, HAProxy does not say why the first one failed; soon it does.
        const looks = (untold.get(key) ?? 0) + 1;
        untold.set(key, looks);
        if (stat.status !== 'UP' && stat.isChecking && looks <= UNTOLD_LOOKS) continue;
        waiting.delete(key);
        await options.onVerdict(server, stat, runtime).catch(ignoreVanished);
        await retire(server, runtime, clock);
      }
    }
  } finally {
    for (const server of waiting.values()) await retire(server, runtime, clock);
  }
}

/** A server may have been removed while its first check went on. */
function ignoreVanished(error: unknown): void {
  if (!(error instanceof UnexpectedAnswer)) throw error;
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

/** Deletes a server's twin. What is left of it after some tries is swept by the next look. */
async function retire(
  server: Pick<Server, 'pool' | 'name'>,
  runtime: RuntimeConnection,
  clock: Clock,
): Promise<void> {
  for (let attempt = 0; attempt < RETIRE_ATTEMPTS; attempt++) {
    const isGone = await runCommands(runtime, removeFromAdmission(server)).then(
      () => true,
      (error: unknown) => !(error instanceof UnexpectedAnswer),
    );
    if (isGone) return;
    // A check that is running holds the twin for a moment.
    await clock.sleep(POLL_MS);
  }
}

/** Deletes twins that nobody waits for: those of an agent that was killed, or of an admission that was interrupted. */
export async function sweepAdmission(
  runtime: RuntimeConnection,
  stats: readonly ServerStat[],
  isUnderWay: (server: Pick<Server, 'pool' | 'name'>) => boolean,
  clock: Clock,
): Promise<void> {
  for (const { pool, name } of stats) {
    const served = servedPool(pool);
    if (served === undefined || isUnderWay({ pool: served, name })) continue;
    await retire({ pool: served, name }, runtime, clock);
  }
}
