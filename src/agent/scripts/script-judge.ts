import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { servicePaths } from '../../haproxy/config/paths.ts';
import { type Server, healthCheckOf, serverKey } from '../../haproxy/config/server.ts';
import type { ServiceModel } from '../../haproxy/model.ts';
import { scriptReason } from '../../haproxy/reason.ts';
import { runCommands, setAddress, setHealth } from '../../haproxy/runtime/commands.ts';
import { type RuntimeConnection, withRuntime } from '../../haproxy/runtime/connection.ts';
import type { ServerStat } from '../../haproxy/runtime/stat.ts';
import { isScriptCheck } from '../../spec/health-check.ts';
import type { Evidence } from '../evidence.ts';
import type { HealthBook } from '../health-book.ts';
import { type ScriptNews, createScriptChecks } from './script-checks.ts';

/** Has programs decide which backends of their pools are in service. */
export interface ScriptJudge {
  /** Has the backends of pools with a program checked by it. */
  watch(model: ServiceModel, servers: readonly Server[]): void;
  /** Puts right what HAProxy holds for another state than the programs have said. */
  enforce(
    model: ServiceModel,
    servers: readonly Server[],
    stats: ReadonlyMap<string, ServerStat>,
    runtime: RuntimeConnection,
  ): Promise<void>;
  /** Resolves when no program runs. */
  end(): Promise<void>;
}

export interface ScriptJudgeOptions {
  clock: Clock;
  logger: Logger;
  book: HealthBook;
  evidence: Evidence;
  /** Servers that stay at their old address until they have been checked at the new one, by key. */
  moving: Set<string>;
  /** Folder that the programs are in. Default: `checks` in the agent's data directory. */
  directory?: string | undefined;
  /** Notes what is known now, for the next worker to begin with. */
  save(model: ServiceModel): Promise<void>;
  onChange(): void;
}

/** Whether the agent checks the server itself, by running a program. */
export function isScripted(server: Server, model: ServiceModel): boolean {
  return server.isChecked && isScriptCheck(healthCheckOf(server, model));
}

export function createScriptJudge(options: ScriptJudgeOptions): ScriptJudge {
  const { clock, logger, book, evidence, moving, save, onChange } = options;
  const healthOf = (server: Server) => book.get(server)?.health ?? 'unknown';

  const take = async (news: ScriptNews, model: ServiceModel) => {
    const { server, health } = news;
    const before = healthOf(server);
    noteResult(news, evidence, clock.now());
    book.judge(server, { health, count: news.count, reason: reasonOf(news, book, clock.now()) }, clock.now());
    if (before === health) return;
    onChange();
    try {
      await withRuntime(servicePaths(model.id, model.layout).workerSocket, (runtime) =>
        runCommands(runtime, [
          ...(moving.delete(serverKey(server)) ? setAddress(server) : []),
          setHealth(server, health),
        ]),
      );
      await save(model);
    } catch (error) {
      // A worker that has just begun, or a server that has just gone; the next look puts it right.
      const context = { loadBalancer: model.id, target: server.target, error: messageOf(error) };
      logger.debug(context, 'what a program said could not be told to HAProxy');
    }
  };

  const checks = createScriptChecks({
    clock,
    directoryOf: ({ layout }) => options.directory ?? join(dirname(layout.directory), 'checks'),
    healthOf,
    onNews: take,
  });

  return {
    watch: checks.watch,
    async enforce(model, servers, stats, runtime) {
      for (const server of servers) {
        const stat = stats.get(serverKey(server));
        const health = healthOf(server);
        if (!stat || health === 'unknown' || !isScripted(server, model)) continue;
        if (stat.status.startsWith('MAINT') || stat.status.startsWith('DOWN') === (health === 'down'))
          continue;
        await runCommands(runtime, [setHealth(server, health)]);
      }
    },
    end: checks.end,
  };
}

function noteResult({ server, result }: ScriptNews, evidence: Evidence, now: number): void {
  if (result.passed) return;
  evidence.note(server, {
    at: new Date(now).toISOString(),
    status: 'EXIT',
    code: result.code,
    description: result.outcome,
    durationMs: result.durationMs,
  });
}

function reasonOf(
  { server, check, result, health, count }: ScriptNews,
  book: HealthBook,
  now: number,
): string {
  const { passed, outcome, durationMs } = result;
  if (health === 'up') {
    if (!passed) return `program ${check.script} ${outcome}; still in service until more fail`;
    return `program ${check.script} passed in ${durationMs} ms${outcome === '' ? '' : `: ${outcome}`}`;
  }
  if (passed) return `passes again; ${check.rise} passed checks in a row bring it back`;
  const before = book.get(server);
  return scriptReason(check.script, outcome, count, before?.health === 'down' ? before.since : now);
}
