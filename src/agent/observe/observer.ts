import { join } from 'node:path';
import type { AnswerBody, ObservingQuestion } from '../../api/agent-questions.ts';
import type { LoadBalancerReport } from '../../api/agent.ts';
import type { LogLine } from '../../api/logs.ts';
import type { Workers } from '../../api/stats.ts';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { commandLine } from '../../host/processes.ts';
import { type ServicePaths, servicePaths } from '../../haproxy/config/paths.ts';
import { limitTables } from '../../haproxy/config/rate-limit.ts';
import { servers } from '../../haproxy/config/server.ts';
import type { ServiceModel } from '../../haproxy/model.ts';
import type { RunningProxy } from '../../haproxy/process/master.ts';
import { parseInfo } from '../../haproxy/runtime/info.ts';
import type { HostLayout } from '../../spec/host-layout.ts';
import { poolsOf } from '../../spec/load-balancer.ts';
import { readTotals, writeTotals } from '../counters/book.ts';
import { createRates } from '../counters/rates.ts';
import { type Reading, clientConnections } from '../counters/readings.ts';
import { type Totals, createTotals } from '../counters/totals.ts';
import { readLimits } from '../limits.ts';
import { createLogFollower } from '../logs/follower.ts';
import { createLogHistory } from '../logs/history.ts';
import { logMatcher } from '../logs/match.ts';
import { type WorkerIdentity, identifyWorker } from '../workers/identity.ts';
import { type WorkerLink, holdWorker, linkByMaster, linkBySocket } from '../workers/link.ts';
import { createOldWorkers } from '../workers/old-workers.ts';
import { reportedTotals, statsView } from './stats-view.ts';

/** Totals go to disk no more often. */
const SAVE_EVERY_MS = 5000;
/** And take no more than a fiftieth of a core, however many servers there are. */
const SAVE_SHARE = 50;
/** Reading a full ring takes HAProxy tens of milliseconds, so that percentiles are no newer than this. */
const RECENT_EVERY_MS = 5000;
const RECENT_MS = 60_000;

/** What somebody asks of a load balancer that serves. */
export interface AnswerInput {
  model: ServiceModel;
  states: LoadBalancerReport['backends'];
}

/** Watches one load balancer: what its workers count and log, from the first to the last of their connections. */
export interface Observer {
  /** Takes in all statistics that the serving worker has told. */
  take(proxy: RunningProxy, readings: readonly Reading[], revision: number): void;
  /**
   * Looks after the workers from before and keeps what was counted; to be called every second. It is not waited for: a
   * worker that does not answer must not hold up a change.
   */
  tend(proxy: RunningProxy, model: ServiceModel): void;
  answer(question: ObservingQuestion, input: AnswerInput): Promise<AnswerBody>;
  /** What a report tells: totals as far as they are on disk, so that a crash cannot take them back. */
  traffic(): LoadBalancerReport['traffic'];
  /** Lets all workers go and keeps what was counted. */
  end(): Promise<void>;
}

export interface ObserverOptions {
  id: string;
  layout: HostLayout;
  clock: Clock;
  logger: Logger;
}

interface Serving {
  worker: WorkerIdentity;
  link: WorkerLink | undefined;
  readings: readonly Reading[];
}

export function createObserver({ id, layout, clock, logger }: ObserverOptions): Observer {
  const paths = servicePaths(id, layout);
  const rates = createRates();
  const history = createLogHistory();
  const follower = createLogFollower({ clock, logger, history: history.lines });
  const file = join(paths.directory, 'counters.json');
  /** Undefined until what was kept has been read. */
  let totals: Totals | undefined;
  let serving: Serving | undefined;
  let reported: LoadBalancerReport['traffic'];
  let nextSave = 0;
  let recent: { at: number; lines: Promise<LogLine[]> } | undefined;

  const old = createOldWorkers({
    logger,
    onCounted: (worker, readings) => totals?.observe(worker.id, readings, true),
    async onLast(worker, link) {
      const lines = await history.keep(link);
      follower.release(worker.id, lines);
    },
    onEnd(worker) {
      totals?.end(worker.id);
      nextSave = 0;
      follower.release(worker.id, []);
    },
  });

  const count = ({ worker, readings }: Serving) => {
    if (!totals) return;
    totals.observe(worker.id, readings, true);
    rates.sample(performance.now(), totals.snapshot());
  };
  const replace = (revision: number) => {
    if (!serving) return;
    const { worker, link } = serving;
    const by = link ?? linkByMaster(paths.masterSocket, worker.pid);
    old.add({ worker, link: by, replacedAt: clock.now(), replacedBy: revision });
    // What it has counted is nowhere else once it has ended.
    nextSave = 0;
  };
  const hold = async (current: Serving) => {
    if (current.link) return;
    // Unset while it opens: the worker may end before that.
    let link: WorkerLink | undefined;
    link = await holdWorker(paths.workerSocket, () => {
      if (current.link === link) current.link = undefined;
    });
    // Between the look and now somebody may have reloaded: then it is another worker's socket.
    if (parseInfo(await link.ask('show info')).pid === current.worker.pid) current.link = link;
    else link.close();
  };
  const adopt = (pids: readonly number[]) => {
    for (const pid of pids) {
      if (old.has(pid) || pid === serving?.worker.pid) continue;
      // The number may have gone to another process since.
      if (!commandLine(pid).includes(paths.config)) continue;
      const worker = identifyWorker(pid, clock.now());
      if (worker) old.add({ worker, link: linkByMaster(paths.masterSocket, pid) });
    }
  };
  const save = async (model: ServiceModel, counted: Totals) => {
    const begun = performance.now();
    const pools = poolsOf(model.spec).map(([name]) => name);
    const traffic = {
      connections: connectionsNow(serving, old.readings()),
      totals: reportedTotals(model.spec.type, pools, counted.snapshot()),
    };
    await writeTotals(file, counted.save());
    reported = traffic;
    nextSave = Math.max(begun + SAVE_EVERY_MS, begun + (performance.now() - begun) * SAVE_SHARE);
  };
  const load = async (): Promise<Totals> => {
    const loaded = createTotals(await readTotals(file));
    // Workers that have ended while nobody looked tell no more.
    for (const worker of loaded.workers()) if (!isThere(worker, clock.now())) loaded.end(worker);
    return loaded;
  };
  let loading: Promise<Totals> | undefined;
  /** The totals, with what was kept before this agent began. */
  const ready = () =>
    (loading ??= load().then(
      (loaded) => {
        totals = loaded;
        if (serving) count(serving);
        return loaded;
      },
      (error: unknown) => {
        loading = undefined;
        throw error;
      },
    ));
  let lastModel: ServiceModel | undefined;

  const allLines = async (): Promise<LogLine[]> => {
    const present = serving?.link ?? linkBySocket(paths.workerSocket);
    return history.read([present, ...old.links()]);
  };
  const recentLines = (): Promise<LogLine[]> => {
    const at = clock.now();
    if (!recent || at - recent.at > RECENT_EVERY_MS) recent = { at, lines: allLines() };
    return recent.lines.then(
      (lines) => lines.filter(({ time }) => Date.parse(time) > at - RECENT_MS),
      () => [],
    );
  };

  let tending: Promise<void> | undefined;
  const lookAfter = async (proxy: RunningProxy, model: ServiceModel) => {
    const counted = await ready();
    adopt(proxy.oldWorkerPids);
    await old.tend();
    follower.tend();
    if (performance.now() >= nextSave) await save(model, counted);
    if (serving) await hold(serving);
  };

  return {
    take(proxy, readings, revision) {
      if (serving?.worker.pid !== proxy.worker.pid) {
        const worker = identifyWorker(proxy.worker.pid, clock.now());
        if (!worker) return;
        replace(revision);
        serving = { worker, link: undefined, readings };
        follower.serve(worker.id, paths.workerSocket);
      }
      serving.readings = readings;
      count(serving);
    },
    tend(proxy, model) {
      lastModel = model;
      tending ??= lookAfter(proxy, model)
        .catch((error: unknown) =>
          logger.debug({ loadBalancer: id, error: messageOf(error) }, 'cannot look after all workers'),
        )
        .finally(() => (tending = undefined));
    },
    async answer(question, { model, states }) {
      switch (question.kind) {
        case 'stats':
          return statsView({
            type: model.spec.type,
            now: clock.now(),
            pools: poolsOf(model.spec).map(([name]) => name),
            servers: servers(model),
            states,
            totals: (await ready()).snapshot(),
            rates,
            serving: serving?.readings ?? [],
            old: old.readings(),
            recent: model.spec.type === 'http' ? await recentLines() : [],
          });
        case 'workers':
          return { kind: 'workers', ...workersView(serving, old.list()) };
        case 'logs': {
          const matches = logMatcher(question.filter, question.since);
          if (!question.follow) {
            const lines = (await allLines()).filter(matches).slice(-question.limit);
            return { kind: 'logs', lines, missed: 0 };
          }
          const { cursor, waitMs } = question.follow;
          const page = await follower.read({ cursor, matches, limit: question.limit, waitMs });
          return { kind: 'logs', ...page };
        }
        case 'rate-limits':
          return { kind: 'rate-limits', limits: await limitsOf(paths, model, question.keys) };
      }
    },
    traffic: () => reported,
    async end() {
      await tending;
      follower.close();
      serving?.link?.close();
      old.close();
      if (!totals || !lastModel) return;
      await save(lastModel, totals).catch((error: unknown) =>
        logger.warn({ loadBalancer: id, error: messageOf(error) }, 'cannot keep what was counted'),
      );
    },
  };
}

function isThere(id: string, now: number): boolean {
  return identifyWorker(Number(id.split('-')[0]), now)?.id === id;
}

function limitsOf(paths: ServicePaths, model: ServiceModel, keys: number) {
  return readLimits(paths.workerSocket, limitTables(model), keys);
}

function connectionsNow(serving: Serving | undefined, old: readonly (readonly Reading[])[]): number {
  return [serving?.readings ?? [], ...old].reduce((sum, readings) => sum + clientConnections(readings), 0);
}

function workersView(serving: Serving | undefined, old: Workers['old']): Workers {
  return {
    ...(serving
      ? {
          serving: {
            pid: serving.worker.pid,
            startedAt: new Date(serving.worker.startedAt).toISOString(),
            connections: clientConnections(serving.readings),
          },
        }
      : {}),
    old,
  };
}
