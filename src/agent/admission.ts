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
/**
 * A twin is checked 10 ms after it was added, but if HAProxy is held up between adding it and enabling its check, only
 * after another `inter`, which is seconds. So one that has not begun by then is added anew; later, if it happens again.
 */
const PATIENCE_MS = 25;

export interface AdmissionOptions {
  clock: Clock;
  socketPath: string;
  model: ServiceModel;
  servers: readonly Server[];
  /** Keys of those that have their twin already. */
  begun?: ReadonlySet<string> | undefined;
  /** Ends the wait for verdicts. */
  signal: AbortSignal;
  /** Called with HAProxy's verdict as soon as it is there: status `UP` or `DOWN`. */
  onVerdict(server: Server, stat: ServerStat, runtime: RuntimeConnection): Promise<void>;
}

/** A server whose twin is being checked. */
interface Waiting {
  server: Server;
  /** When its verdict is given up. */
  deadline: number;
  /** How often it was seen to have failed without a word why. */
  untold: number;
  /** When it is given up that its first check begins by itself, and how long that was waited for. */
  restartAt: number;
  patienceMs: number;
}

/**
 * Has HAProxy check servers for the first time, at once instead of after an interval. Each gets a twin in a section
 * that serves nobody and is checked every few milliseconds; the twin's first verdict is the server's. So the same
 * check, made by HAProxy itself, decides whether a new backend may have traffic. Of many only some are under way at a time;
 * the next one begins when one is done, so that those which do not answer hold nobody up.
 */
export async function admitServers(options: AdmissionOptions): Promise<void> {
  const { clock, socketPath, servers, signal } = options;
  const queue = servers.values();
  const waiting = new Map<string, Waiting>();
  await withRuntime(socketPath, async (runtime) => {
    const leave = async (key: string, server: Server) => {
      await retire(server, runtime, clock);
      waiting.delete(key);
    };
    try {
      await enter(queue, waiting, options, runtime);
      while (waiting.size > 0 && !signal.aborted) {
        await clock.sleep(POLL_MS);
        const { done, asleep } = await verdicts(waiting, runtime, clock.now());
        const overdue = [...waiting].filter(
          ([key, { deadline }]) => deadline <= clock.now() && !done.has(key),
        );
        await Promise.all([
          ...[...done].map(async ([key, { server, stat }]) => {
            await options.onVerdict(server, stat, runtime).catch(ignoreUnexpected);
            await leave(key, server);
          }),
          ...overdue.map(([key, { server }]) => leave(key, server)),
          ...asleep.map((entry) => restart(entry, options, runtime)),
        ]);
        await enter(queue, waiting, options, runtime);
      }
    } finally {
      await Promise.all([...waiting].map(([key, { server }]) => leave(key, server)));
    }
  });
}

/** Gives twins to as many of those that wait for their turn as there is room for. */
async function enter(
  queue: Iterator<Server>,
  waiting: Map<string, Waiting>,
  { clock, model, begun }: AdmissionOptions,
  runtime: RuntimeConnection,
): Promise<void> {
  const batch: Server[] = [];
  while (waiting.size < CONCURRENCY) {
    const { value: server, done } = queue.next();
    if (done) break;
    const now = clock.now();
    const deadline = now + durationMs(healthCheckOf(server, model).timeout) + GRACE_MS;
    const restartAt = now + PATIENCE_MS;
    waiting.set(serverKey(server), { server, deadline, untold: 0, restartAt, patienceMs: PATIENCE_MS });
    if (!begun?.has(serverKey(server))) batch.push(server);
  }
  await runCommands(
    runtime,
    batch.flatMap((server) => addToAdmission(server, model)),
  );
}

/** Adds a twin anew whose check has not begun. */
async function restart(
  entry: Waiting,
  { clock, model }: AdmissionOptions,
  runtime: RuntimeConnection,
): Promise<void> {
  await retire(entry.server, runtime, clock);
  // One that could not be deleted yet is in the way of the next; it is tried again.
  await runCommands(runtime, addToAdmission(entry.server, model)).catch(ignoreUnexpected);
  entry.patienceMs *= 2;
  entry.restartAt = clock.now() + entry.patienceMs;
}

/** Those whose first check has come to something, and those whose check should have begun. */
async function verdicts(
  waiting: ReadonlyMap<string, Waiting>,
  runtime: RuntimeConnection,
  now: number,
): Promise<{ done: Map<string, { server: Server; stat: ServerStat }>; asleep: Waiting[] }> {
  const asleep: Waiting[] = [];
  const done = new Map<string, { server: Server; stat: ServerStat }>();
  const pools = new Set([...waiting.values()].map(({ server }) => server.pool));
  for (const stat of await admissionStats(runtime, [...pools])) {
    const key = serverKey({ pool: servedPool(stat.pool) ?? '', name: stat.name });
    const entry = waiting.get(key);
    if (!entry) continue;
    const hasBegun = stat.isChecking || lastCheckResult(stat) !== 'none';
    if (!hasBegun && entry.restartAt <= now && entry.deadline > now) asleep.push(entry);
    if (!hasVerdict(stat)) continue;
    // While the twin's next check runs, HAProxy does not say why the first one failed; soon it does.
    entry.untold += 1;
    if (stat.status !== 'UP' && stat.isChecking && entry.untold <= UNTOLD_LOOKS) continue;
    done.set(key, { server: entry.server, stat });
  }
  return { done, asleep };
}

/** A server may have been removed while its first check went on, and a twin may still be there. */
function ignoreUnexpected(error: unknown): void {
  if (!(error instanceof UnexpectedAnswer)) throw error;
}

async function admissionStats(runtime: RuntimeConnection, pools: readonly string[]): Promise<ServerStat[]> {
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
