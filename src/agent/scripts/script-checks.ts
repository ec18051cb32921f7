import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../base/clock.ts';
import { durationMs } from '../../base/duration.ts';
import { findUser } from '../../host/users.ts';
import { retryIntervalMs } from '../../haproxy/config/health-check.ts';
import { type Server, healthCheckOf, serverKey } from '../../haproxy/config/server.ts';
import type { ServiceModel } from '../../haproxy/model.ts';
import type { KnownHealth } from '../../haproxy/runtime/server-state.ts';
import { type ScriptCheck, isScriptCheck } from '../../spec/health-check.ts';
import { createLimit } from '../../base/limit.ts';
import { type ScriptResult, runScript } from './run-script.ts';

/** What a program has said of a backend. */
export interface ScriptNews {
  server: Server;
  check: ScriptCheck;
  result: ScriptResult;
  /** How the backend is, after this result and those before. */
  health: 'up' | 'down';
  /** Results of this kind in a row. */
  count: number;
}

/** Runs programs against backends, each in its rhythm, and counts what they say as HAProxy counts its own checks. */
export interface ScriptChecks {
  /** Has these servers checked, and no others. Those of pools without a program are left alone. */
  watch(model: ServiceModel, servers: readonly Server[]): void;
  /** Ends all; resolves when no program runs. */
  end(): Promise<void>;
}

export interface ScriptChecksOptions {
  clock: Clock;
  /** Folder that the programs are in. */
  directoryOf(model: ServiceModel): string;
  healthOf(server: Server): KnownHealth;
  onNews(news: ScriptNews, model: ServiceModel): Promise<void>;
}

/** Programs that run at once on this machine, for all load balancers. */
const limit = createLimit(8);

/** Who runs the programs of a root's agent. Not HAProxy's user: a program could end its workers. */
const UNPRIVILEGED = 'nobody';

interface Watch {
  server: Server;
  check: ScriptCheck;
  ending: AbortController;
  done: Promise<void>;
}

export function createScriptChecks(options: ScriptChecksOptions): ScriptChecks {
  const watches = new Map<string, Watch>();
  const ended = new Set<Promise<void>>();
  let model: ServiceModel | undefined;

  const stop = (key: string, { ending, done }: Watch) => {
    ending.abort();
    watches.delete(key);
    ended.add(done);
    void done.finally(() => ended.delete(done));
  };
  const begin = (server: Server, check: ScriptCheck) => {
    const ending = new AbortController();
    const done = follow({ server, check, signal: ending.signal, modelNow: () => model }, options);
    watches.set(serverKey(server), { server, check, ending, done });
  };

  return {
    watch(wanted, servers) {
      model = wanted;
      const scripted = new Map(servers.flatMap((server) => withScript(server, wanted)));
      for (const [key, watch] of watches) {
        const now = scripted.get(key);
        if (!now || !isSame(watch, now)) stop(key, watch);
      }
      for (const [key, { server, check }] of scripted) if (!watches.has(key)) begin(server, check);
    },
    async end() {
      for (const [key, watch] of watches) stop(key, watch);
      await Promise.all(ended);
    },
  };
}

type Scripted = Pick<Watch, 'server' | 'check'>;

function withScript(server: Server, model: ServiceModel): [string, Scripted][] {
  const check = healthCheckOf(server, model);
  return isScriptCheck(check) ? [[serverKey(server), { server, check }]] : [];
}

function isSame(before: Scripted, now: Scripted): boolean {
  const { address, port } = now.server;
  return (
    before.server.address === address &&
    before.server.port === port &&
    isDeepStrictEqual(before.check, now.check)
  );
}

interface Following extends Scripted {
  signal: AbortSignal;
  modelNow(): ServiceModel | undefined;
}

async function follow(
  { server, check, signal, modelNow }: Following,
  { clock, directoryOf, healthOf, onNews }: ScriptChecksOptions,
): Promise<void> {
  let last: { passed: boolean; count: number } | undefined;
  while (!signal.aborted) {
    const model = modelNow();
    const result =
      model && (await limit.run(() => run({ server, check, signal }, model, directoryOf(model)), signal));
    if (!model || !result || signal.aborted) return;
    const { passed } = result;
    last = { passed, count: last?.passed === passed ? last.count + 1 : 1 };
    const before = healthOf(server);
    const health = judge(before, last, check);
    await onNews({ server, check, result, health, count: last.count }, model);
    const isSettled = before === health && (health === 'up') === passed;
    await clock.sleep(isSettled ? durationMs(check.interval) : retryIntervalMs(check), signal);
  }
}

/** The first result decides at once; after that it takes as many in a row as the check says. */
function judge(
  before: KnownHealth,
  { passed, count }: { passed: boolean; count: number },
  { fall, rise }: ScriptCheck,
): 'up' | 'down' {
  if (before === 'unknown') return passed ? 'up' : 'down';
  if (before === 'up') return !passed && count >= fall ? 'down' : 'up';
  return passed && count >= rise ? 'up' : 'down';
}

async function run(
  { server, check, signal }: Scripted & { signal: AbortSignal },
  model: ServiceModel,
  directory: string,
): Promise<ScriptResult> {
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? findUser(UNPRIVILEGED) : undefined;
  if (isRoot && !user) {
    const outcome = `there is no user ${UNPRIVILEGED} to run it as; make one, for programs are not run as root`;
    return { passed: false, code: 'refused', outcome, durationMs: 0 };
  }
  return runScript({
    directory,
    name: check.script,
    user,
    subject: {
      loadBalancer: model.name,
      pool: server.pool,
      target: server.target,
      address: server.address ?? '',
      port: check.port ?? server.port,
    },
    timeoutMs: durationMs(check.timeout),
    signal,
  });
}
