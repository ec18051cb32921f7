import { isDeepStrictEqual } from 'node:util';
import type { LoadBalancerReport, UntoldTurn } from '../api/agent.ts';
import type { BackendState } from '../api/load-balancer.ts';
import type { Clock } from '../base/clock.ts';
import { durationMs } from '../base/duration.ts';
import { inTurns } from '../base/turns.ts';
import { unshared } from '../base/unshared.ts';
import { type HealthCheck, isScriptCheck } from '../spec/health-check.ts';
import { poolOf, poolsOf } from '../spec/pools-of.ts';
import type { Logger } from '../base/logger.ts';
import { readTextIfExists } from '../host/files.ts';
import { servedPool } from '../haproxy/config/names.ts';
import { servicePaths } from '../haproxy/config/paths.ts';
import { type Server, healthCheckOf, serverKey, servers } from '../haproxy/config/server.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import type { RunningProxy } from '../haproxy/process/master.ts';
import { runCommands, setAddress, setHealth } from '../haproxy/runtime/commands.ts';
import { type KnownHealth, parseServerState } from '../haproxy/runtime/server-state.ts';
import {
  SHOW_ALL_STATS,
  type ServerStat,
  type StatTable,
  lastCheckResult,
  readStatTable,
  serverStats,
} from '../haproxy/runtime/stat.ts';
import { hasServers } from './adopt.ts';
import { admitServers, sweepAdmission } from './admission.ts';
import { resolvedServers, writeServerState } from './converge.ts';
import { createEvidence } from './evidence.ts';
import { type HealthEntry, createHealthBook, describeBackend } from './health-book.ts';
import { type Reading, readReadings } from './counters/readings.ts';
import type { Resolution } from './resolver.ts';
import { type IdleLeaving, type Leaving, idleLeaving, sweepLeaving } from './runtime-changes.ts';
import { createScriptJudge, isScripted } from './scripts/script-judge.ts';
import { createWorkerSession } from './worker-session.ts';

export interface BackendMonitor {
  healthOf(server: Server): KnownHealth;
  /** Reads what was known when HAProxy last ran, from the state file. */
  recall(model: ServiceModel, now: number): Promise<void>;
  /** Takes back what is known of a server; one that moves is served at its old address until it has been checked. */
  forget(server: Server, isMoving: boolean): void;
  /**
   * Takes back what checks said that are made no more: a server that was down by one may be well by the next, and is to be
   * checked at once. One that is up stays so until its new check fails.
   */
  recheck(before: ServiceModel, after: ServiceModel): void;
  /**
   * Has the servers of which nothing is known checked for the first time; does not wait for the verdict.
   * @param begun keys of those whose first check has been asked for already.
   */
  admit(model: ServiceModel, begun?: ReadonlySet<string>): void;
  /**
   * Reads how the servers are.
   * @param isStill whether nothing has been changed since; what was read in between is of no use.
   */
  look(
    model: ServiceModel,
    proxy: RunningProxy,
    leaving: Leaving,
    isStill: () => boolean,
  ): Promise<'done' | 'too-early' | 'in-vain'>;
  /**
   * Writes the state file when something else is known than it says, and it does not take more than a twentieth of a core.
   * Not to be done beside a change: what a new worker begins with is written by that.
   * @param isLast whether it cannot be put off.
   */
  save(model: ServiceModel, isLast?: boolean): Promise<void>;
  /** Whether there are servers to delete. */
  hasIdle(): boolean;
  /** Deletes the servers that had left at the last look. Not to be done beside a change. */
  sweep(proxy: RunningProxy, model: ServiceModel, leaving: Leaving): Promise<void>;
  /** Whether, at the last look, HAProxy had these servers and no others but those that leave. */
  hasServers(wanted: readonly Server[], leaving: Leaving): boolean;
  statuses(model: ServiceModel, resolution: Resolution): LoadBalancerReport['backends'];
  /** The same with what shows why, for those that are down or were. */
  reports(model: ServiceModel, resolution: Resolution): LoadBalancerReport['backends'];
  /** How backends have turned since this was last asked for, the oldest first. */
  takeTurns(model: ServiceModel): UntoldTurn[];
  /** Ends the connection to the worker; resolves when no first check is under way. */
  end(): Promise<void>;
}

export interface BackendMonitorOptions {
  clock: Clock;
  logger: Logger;
  onChange(): void;
  /** Called when the state file should be written. */
  onUnsaved(): void;
  /** Called when the worker that is looked at ends. */
  onWorkerEnd(): void;
  /** Folder with the programs that check backends. Default: `checks` in the agent's data directory. */
  checksDirectory?: string | undefined;
  /** Called with all that the worker has told at a look, for who wants more of it. */
  onTable(proxy: RunningProxy, table: StatTable, readings: readonly Reading[]): void;
}

/** Backends of which a report says why they are down: a thousand of them have one cause, and reports stay small. */
const MAX_EVIDENCE = 200;
/** So many twins at once would keep HAProxy busier than waiting for the servers' own checks, which begin at once too. */
const MANY_FRESH = 500;
/** Whether a server is asked the same way before and after a change. */
function isCheckedAlike(one: Server, before: ServiceModel, other: Server, after: ServiceModel): boolean {
  const [was, is] = [healthCheckOf(one, before), healthCheckOf(other, after)];
  // Of ten thousand servers all have the same object, which need not be looked into.
  return one.keywords === other.keywords && (was === is || isDeepStrictEqual(was, is));
}

/** Whether every pool has the check that it had before; what is the same is the same object. */
function havePoolsSameChecks(before: ServiceModel, after: ServiceModel): boolean {
  return poolsOf(after.spec).every(
    ([name, { healthCheck }]) => poolOf(before.spec, name)?.healthCheck === healthCheck,
  );
}

/** Checks that hear an answer: a new worker that is told of one that passed calls it `L4OK` until it has checked itself. */
const ANSWERED: ReadonlySet<HealthCheck['type']> = new Set([
  'http',
  'https',
  'grpc',
  'redis',
  'postgres',
  'mysql',
  'smtp',
]);

/** Somebody may wait for the verdict: for checks that are made every minute he does not wait so long. */
const MAX_UNDECIDED_MS = 15_000;

/** A server whose check was changed: each time in milliseconds since the epoch. */
interface Undecided {
  /** From when on it has been checked at least once. */
  checkedFrom: number;
  /** When a verdict is waited for no longer. */
  until: number;
}

function undecidedFrom(now: number, { interval, timeout, fall, rise }: HealthCheck): Undecided {
  const [pause, length] = [durationMs(interval), durationMs(timeout)];
  const longest = (Math.max(fall, rise) + 1) * (pause + length);
  return {
    checkedFrom: now + pause + length,
    until: now + Math.min(longest, MAX_UNDECIDED_MS),
  };
}

/** Whether the last checks of a server say what its state does: not while some more of them could turn it. */
function isDecided(
  stat: ServerStat | undefined,
  { type }: HealthCheck,
  { checkedFrom, until }: Undecided,
  now: number,
): boolean {
  if (now >= until) return true;
  if (!stat || lastCheckResult(stat) === 'none' || /\d+\/\d+$/.test(stat.status)) return false;
  if (stat.status !== 'UP' || stat.checkStatus !== 'L4OK') return true;
  return !ANSWERED.has(type) && now >= checkedFrom;
}

/** An interval for which nobody waits. */
const LONG_INTERVAL_MS = 10_000;

function isPatient(server: Server, model: ServiceModel): boolean {
  return durationMs(healthCheckOf(server, model).interval) > LONG_INTERVAL_MS;
}

type Status = LoadBalancerReport['backends'][number];

/** All that the status of a backend is made from. */
interface Described {
  server: Server;
  entry: HealthEntry | undefined;
  fault: string | undefined;
  /** Whether its check was changed, and the new one has not come to a verdict. */
  isUndecided: boolean;
  /** Why its address is an old one; undefined when it is not. */
  kept: string | undefined;
  /** Connections or requests now; undefined for one of which HAProxy has told nothing. */
  sessions: number | undefined;
  isOut: boolean;
}

/** The statuses as they were last told, and what else they were made from. */
interface Told {
  list: readonly Server[];
  stats: ReadonlyMap<string, ServerStat>;
  resolution: Resolution;
  statuses: Status[];
}

/** As long as a report may have it. */
const MAX_REASON = 2000;
/** So many changes at most are looked for one by one. */
const MAX_CHANGED = 100;

function isSameDescription(one: Described, other: Described): boolean {
  return (
    one.server === other.server &&
    one.entry === other.entry &&
    one.fault === other.fault &&
    one.kept === other.kept &&
    one.isUndecided === other.isUndecided &&
    one.sessions === other.sessions &&
    one.isOut === other.isOut
  );
}

/** Whether statuses made from one would be the same made from the other: new addresses alone are told by their servers. */
function tellsSame(one: Resolution, other: Resolution): boolean {
  return one === other || [one, other].every(({ faults, kept }) => faults.size + kept.size === 0);
}

/** Looking costs HAProxy time that grows with the servers; it may take a twentieth of a core. */
const LOOK_SHARE = 20;

/** What the draining backends still have: whoever waits for the last connection to end wants to know at once. */
function openOnDraining(model: ServiceModel, stats: ReadonlyMap<string, ServerStat>): string {
  return servers(model)
    .filter(({ weight }) => weight === 0)
    .map((server) => stats.get(serverKey(server))?.sessions ?? 0)
    .join();
}

export function createBackendMonitor({
  clock,
  logger,
  onChange,
  onUnsaved,
  onWorkerEnd,
  onTable,
  checksDirectory,
}: BackendMonitorOptions): BackendMonitor {
  const book = createHealthBook();
  const session = createWorkerSession(onWorkerEnd);
  const underWay = new Map<string, Promise<void>>();
  /** Servers that stay at their old address until the first check at the new one has answered. */
  const moving = new Set<string>();
  /**
   * Servers that are up by a check that is made no more, until the one in its place has said the same or
   * otherwise.
   */
  const undecided = new Map<string, Undecided>();
  const ending = new AbortController();
  let stats: ReadonlyMap<string, ServerStat> = new Map();
  let nextLook = 0;
  let hasLooked = false;
  let openBefore = '';
  const shown = new Map<string, { state: BackendState; since: number }>();
  const sinceOf = (key: string, state: BackendState, changedAt: number | undefined) => {
    const before = shown.get(key);
    const since = before?.state === state ? before.since : (changedAt ?? clock.now());
    shown.set(key, { state, since });
    return since;
  };
  const healthOf = (server: Server) => (server.isChecked ? (book.get(server)?.health ?? 'unknown') : 'up');
  let isUnsaved = false;
  let saveAt = 0;
  const saved = async () => {
    isUnsaved = true;
    onUnsaved();
  };
  const evidence = createEvidence(clock, onChange);
  const scripts = createScriptJudge({
    clock,
    logger,
    book,
    evidence,
    moving,
    directory: checksDirectory,
    save: saved,
    onChange,
  });

  const runAdmission = async (
    model: ServiceModel,
    list: readonly Server[],
    begun: ReadonlySet<string> | undefined,
  ) => {
    try {
      await admitServers({
        clock,
        socketPath: servicePaths(model.id, model.layout).workerSocket,
        model,
        servers: list,
        begun,
        signal: ending.signal,
        async onVerdict(server, stat, runtime) {
          const health = stat.status === 'UP' ? 'up' : 'down';
          await runCommands(runtime, [
            ...(moving.delete(serverKey(server)) ? setAddress(server) : []),
            setHealth(server, health),
          ]);
          book.admit(server, stat, healthCheckOf(server, model), clock.now());
          if (health === 'down') evidence.look(server, model, stat);
          onChange();
        },
      });
      await saved();
    } catch (error) {
      // A reload in between takes the twins away; the servers keep their own checks, and the next pass tries again.
      logger.debug({ loadBalancer: model.id, error }, 'first checks were interrupted');
    }
  };

  const describe = ({ server, entry, fault, kept, isUndecided, sessions, isOut }: Described): Status => {
    const { state, reason } = describeBackend(server, entry, { sessions: sessions ?? 0, isOut }, fault);
    const changedAt = state === 'up' || state === 'down' ? entry?.since : undefined;
    return {
      target: server.target,
      pool: server.pool,
      state,
      reason: kept === undefined ? reason : `${reason}; ${kept}`.slice(0, MAX_REASON),
      since: new Date(sinceOf(serverKey(server), state, changedAt)).toISOString(),
      ...(server.address === undefined ? {} : { address: server.address }),
      ...(sessions === undefined ? {} : { sessions }),
      ...(isUndecided && state === 'up' ? { rechecking: true } : {}),
    };
  };
  const described = new Map<string, Described & { status: Status }>();
  let told: Told | undefined;
  /** Of thousands of backends most are as they were when they were last asked for. */
  const statuses: BackendMonitor['statuses'] = (model, resolution) => {
    const list = servers(model);
    const statusOf = statusWith(resolution);
    const isFollowing =
      told?.stats === stats && tellsSame(told.resolution, resolution) && book.changed.size <= MAX_CHANGED;
    const known = isFollowing && told ? told : { list: [], statuses: [] };
    const { start, before, after } = unshared(known.list, list);
    let statuses = known.statuses;
    if (before.length > 0 || after.length > 0)
      statuses = statuses.toSpliced(start, before.length, ...after.map(statusOf));
    if (isFollowing && book.changed.size > 0)
      statuses = statuses.map((status, index) => {
        const server = list[index];
        return server && book.changed.has(server.key) ? statusOf(server) : status;
      });
    book.changed.clear();
    told = { list, stats, resolution, statuses };
    return statuses;
  };
  const statusWith =
    ({ faults, kept }: Resolution) =>
    (server: Server): Status => {
      const host = faults.size + kept.size > 0 ? server.target.slice(0, server.target.lastIndexOf(':')) : '';
      const stat = stats.get(server.key);
      const now = {
        server,
        entry: book.get(server),
        fault: faults.get(host),
        kept: kept.get(host),
        isUndecided: undecided.has(server.key),
        sessions: stat?.sessions,
        isOut: stat?.status.startsWith('MAINT') ?? false,
      };
      const before = described.get(server.key);
      if (before && isSameDescription(before, now)) return before.status;
      const status = describe(now);
      described.set(server.key, { ...now, status });
      return status;
    };
  const reports: BackendMonitor['reports'] = (model, resolution) => {
    const all = statuses(model, resolution);
    if (book.downs.size === 0) return all;
    const told = [...all];
    let room = MAX_EVIDENCE;
    for (const [index, server] of servers(model).entries()) {
      if (!book.downs.has(server.key)) continue;
      const status = told[index];
      const transitions = book.transitions(server);
      const hasStory = status?.state === 'down' || transitions.some(({ state }) => state === 'down');
      if (!status || !hasStory || room-- <= 0) continue;
      told[index] = { ...status, evidence: evidence.of(server, model, transitions) };
    }
    return told;
  };

  /** The next look waits a while, though not as long as after one that came to something. */
  const inVain = (begun: number) => {
    nextLook = begun + ((performance.now() - begun) * LOOK_SHARE) / 4;
    return 'in-vain' as const;
  };

  /** Servers of which nothing may be known, by key. */
  const suspects = new Set<string>();
  let known: readonly Server[] = [];
  /** Those of which nothing may be known: found from what differs from the last time, because they are few of many. */
  const suspectsAmong = (list: readonly Server[]): readonly Server[] => {
    const { after } = unshared(known, list);
    known = list;
    for (const { key } of after) suspects.add(key);
    if (suspects.size === 0 || suspects.size === after.length) return after;
    const found = list.filter(({ key }) => suspects.has(key));
    for (const server of found) if (healthOf(server) !== 'unknown') suspects.delete(server.key);
    if (suspects.size > found.length) {
      suspects.clear();
      for (const { key } of found) suspects.add(key);
    }
    return found;
  };
  /** Whether the new checks of some have come to a verdict now. */
  const decide = (list: readonly Server[], checkOf: (server: Server) => HealthCheck): boolean => {
    if (undecided.size === 0) return false;
    const now = clock.now();
    const decided = list.filter((server) => {
      const times = undecided.get(server.key);
      return times !== undefined && isDecided(stats.get(server.key), checkOf(server), times, now);
    });
    for (const { key } of decided) {
      undecided.delete(key);
      book.changed.add(key);
    }
    return decided.length > 0;
  };
  let idle: IdleLeaving[] = [];
  let hadScripts = false;
  const watchScripts = (model: ServiceModel, list: readonly Server[]) => {
    const hasScripts = poolsOf(model.spec).some(([, { healthCheck }]) => isScriptCheck(healthCheck));
    if (hasScripts || hadScripts)
      scripts.watch(
        model,
        list.filter(({ isChecked }) => isChecked),
      );
    hadScripts = hasScripts;
  };

  return {
    healthOf,
    statuses,
    reports,
    async recall(model, now) {
      const text = await readTextIfExists(servicePaths(model.id, model.layout).serverState);
      for (const [key, health] of parseServerState(text ?? '')) book.recall(key, health, now);
    },
    forget(server, isMoving) {
      if (!server.isChecked) return;
      book.recall(serverKey(server), 'unknown', clock.now());
      suspects.add(server.key);
      if (isMoving) moving.add(serverKey(server));
      else moving.delete(serverKey(server));
    },
    recheck(before, after) {
      const all = { before: resolvedServers(before), after: resolvedServers(after) };
      // One that is the very same is checked otherwise only if its pool is.
      const differing = havePoolsSameChecks(before, after) ? unshared(all.before, all.after) : all;
      const known = new Map(differing.before.map((server) => [server.key, server]));
      for (const server of differing.after) {
        const previous = known.get(server.key);
        if (!previous || !server.isChecked || isCheckedAlike(previous, before, server, after)) continue;
        if (book.downs.has(server.key)) evidence.drop(server);
        if (isScripted(server, after)) continue;
        if (healthOf(server) === 'down') {
          book.recall(server.key, 'unknown', clock.now());
          suspects.add(server.key);
        } else {
          undecided.set(server.key, undecidedFrom(clock.now(), healthCheckOf(server, after)));
          book.changed.add(server.key);
        }
      }
    },
    admit(model, begun) {
      const list = resolvedServers(model);
      watchScripts(model, list);
      const unknown = suspectsAmong(list).filter(
        (server) => healthOf(server) === 'unknown' && !underWay.has(server.key) && !isScripted(server, model),
      );
      const fresh =
        unknown.length > MANY_FRESH ? unknown.filter((server) => isPatient(server, model)) : unknown;
      if (fresh.length === 0) return;
      const done = runAdmission(model, fresh, begun).finally(() => {
        for (const server of fresh) {
          underWay.delete(server.key);
          if (healthOf(server) === 'unknown') suspects.add(server.key);
        }
      });
      for (const server of fresh) {
        underWay.set(server.key, done);
        suspects.delete(server.key);
      }
    },
    hasServers: (wanted, leaving) => hasServers(stats, wanted, (key) => leaving.has(key)),
    async look(model, proxy, leaving, isStill) {
      const begun = performance.now();
      const { workerSocket } = servicePaths(model.id, model.layout);
      // Also when there is nothing to look at yet: by this connection it is noticed at once that the worker has ended.
      const runtime = await session.with(proxy.worker.pid, workerSocket);
      if (begun < nextLook) return 'too-early';
      const table = await readStatTable(await runtime.send(SHOW_ALL_STATS));
      if (!table || !isStill()) return inVain(begun);
      const readings = await readReadings(table);
      if (!isStill()) return inVain(begun);
      onTable(proxy, table, readings);
      const isServing = ({ pool }: ServerStat) => servedPool(pool) === undefined;
      const all: ServerStat[] = [];
      for await (const rows of inTurns(table.rows)) all.push(...serverStats({ ...table, rows }));
      if (!isStill()) return inVain(begun);
      stats = new Map(all.filter(isServing).map((stat) => [serverKey(stat), stat]));
      await sweepAdmission(runtime, all, (server) => underWay.has(serverKey(server)), clock);
      idle = idleLeaving(leaving, stats);
      const list = resolvedServers(model).filter(({ isChecked }) => isChecked);
      let hasChanged = false;
      let hasDecided = false;
      for await (const part of inTurns(list)) {
        const settled = part.filter(({ key }) => !underWay.has(key) && !moving.has(key));
        const native = hadScripts ? settled.filter((server) => !isScripted(server, model)) : settled;
        if (hadScripts) await scripts.enforce(model, settled, stats, runtime);
        // What was read before a change says nothing of what is after it.
        if (!isStill()) return inVain(begun);
        const checkOf = (server: Server) => healthCheckOf(server, model);
        hasDecided = decide(settled, checkOf) || hasDecided;
        hasChanged = book.observe(native, stats, checkOf, clock.now()) || hasChanged;
        for (const server of native) {
          if (healthOf(server) === 'down') evidence.look(server, model, stats.get(server.key));
          else evidence.clear(server);
        }
      }
      nextLook = begun + (performance.now() - begun) * LOOK_SHARE;
      const open = openOnDraining(model, stats);
      const isDrainNews = open !== openBefore;
      openBefore = open;
      if (!hasChanged && hasLooked) {
        if (isDrainNews || hasDecided) onChange();
        return 'done';
      }
      hasLooked = true;
      const keys = new Set(list.map(serverKey));
      book.keepOnly(keys);
      evidence.keepOnly(keys);
      const present = new Set(servers(model).map(serverKey));
      for (const map of [described, shown, undecided])
        for (const key of map.keys()) if (!present.has(key)) map.delete(key);
      await saved();
      onChange();
      return 'done';
    },
    async save(model, isLast = false) {
      if (!isUnsaved || (!isLast && performance.now() < saveAt)) return;
      isUnsaved = false;
      const begun = performance.now();
      await writeServerState(model, { healthOf });
      saveAt = performance.now() + (performance.now() - begun) * LOOK_SHARE;
    },
    hasIdle: () => idle.length > 0,
    async sweep(proxy, { id, layout }, leaving) {
      const found = idle;
      if (found.length === 0) return;
      idle = [];
      const runtime = await session.with(proxy.worker.pid, servicePaths(id, layout).workerSocket);
      await sweepLeaving(runtime, leaving, found);
    },
    takeTurns(model) {
      const turns = book.takeTurns();
      if (turns.length === 0) return [];
      const turned = new Set(turns.map(({ key }) => key));
      const among = servers(model).filter(({ key }) => turned.has(key));
      const known = new Map(among.map((server) => [server.key, server]));
      return turns.flatMap(({ key, ...turn }) => {
        const server = known.get(key);
        return server ? [{ ...turn, pool: server.pool, target: server.target }] : [];
      });
    },
    async end() {
      session.close();
      ending.abort();
      await Promise.all([...underWay.values(), scripts.end(), evidence.end()]);
    },
  };
}
