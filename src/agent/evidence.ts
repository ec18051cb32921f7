import type { BackendEvidence, CheckResult, Probe, Transition } from '../api/evidence.ts';
import type { Clock } from '../base/clock.ts';
import { durationMs } from '../base/duration.ts';
import { printable } from '../base/printable.ts';
import { describeCheck } from '../haproxy/check-words.ts';
import { type Server, healthCheckOf, poolOfServer, serverKey } from '../haproxy/config/server.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import { type ServerStat, lastCheckResult } from '../haproxy/runtime/stat.ts';
import { isScriptCheck } from '../spec/health-check.ts';
import { type ProbeSubject, probeBackend } from './probe/probe.ts';

/** Keeps what shows why backends are down: what their checks came to, and a look of the agent's own at each. */
export interface Evidence {
  /** Takes in how a backend that is down does; looks at it once in a while, without waiting for what it says. */
  look(server: Server, model: ServiceModel, stat: ServerStat | undefined): void;
  /** Takes in what a program came to. */
  note(server: Server, result: CheckResult): void;
  /** Takes in that a backend is well: what shows that it was not stays, and the next time it is looked at anew. */
  clear(server: Server): void;
  /** Takes back what showed how a backend does by a check that is made no more. */
  drop(server: Server): void;
  of(server: Server, model: ServiceModel, transitions: readonly Transition[]): BackendEvidence;
  keepOnly(keys: ReadonlySet<string>): void;
  /** Resolves when no look is under way. */
  end(): Promise<void>;
}

/** How often the agent looks at a backend that stays down; never more often than its check does. */
const PROBE_AGAIN_MS = 30_000;
/** Looks at once. What is beyond waits for its turn at a later look. */
const MAX_PROBES = 4;
const MAX_DESCRIPTION = 300;

export function createEvidence(clock: Clock, onChange: () => void): Evidence {
  const results = new Map<string, CheckResult>();
  const probes = new Map<string, Probe>();
  const probedAt = new Map<string, number>();
  const underWay = new Map<string, Promise<void>>();
  /** Backends that came back after what is kept of them. */
  const over = new Set<string>();

  const probe = (key: string, subject: ProbeSubject) => {
    const now = clock.now();
    const isFirst = !probedAt.has(key);
    probedAt.set(key, now);
    const done = probeBackend(subject, now).then((result) => {
      underWay.delete(key);
      // It may have been removed, or have come back, while it was looked at.
      if (probedAt.get(key) !== now) return;
      probes.set(key, result);
      // Later looks are told with the next report: a thousand of them would make a thousand reports.
      if (isFirst) onChange();
    });
    underWay.set(key, done);
  };
  /** The same result again is told with the time of the first, so that it is no news. */
  const keep = (key: string, result: CheckResult) => {
    const before = results.get(key);
    const isSame =
      before?.status === result.status &&
      before.code === result.code &&
      before.description === result.description;
    if (over.delete(key) || !isSame) results.set(key, result);
  };
  const isDue = (key: string, intervalMs: number) => {
    const last = probedAt.get(key);
    return last === undefined || clock.now() - last >= Math.max(PROBE_AGAIN_MS, intervalMs);
  };

  return {
    look(server, model, stat) {
      const key = serverKey(server);
      if (stat && !stat.isChecking && lastCheckResult(stat) === 'failed')
        keep(key, resultOf(stat, clock.now()));
      if (underWay.has(key) || underWay.size >= MAX_PROBES) return;
      const subject = subjectOf(server, model);
      if (subject && isDue(key, durationMs(subject.check.interval))) probe(key, subject);
    },
    note: (server, result) => keep(serverKey(server), result),
    clear(server) {
      // What showed why it was down stays; the next time is another story.
      if (probedAt.delete(serverKey(server))) over.add(serverKey(server));
    },
    drop(server) {
      for (const kept of [results, probes, probedAt, over]) kept.delete(serverKey(server));
    },
    of(server, model, transitions) {
      const key = serverKey(server);
      const [result, probe] = [results.get(key), probes.get(key)];
      return {
        check: describeCheck(healthCheckOf(server, model), server.address ?? server.target, server.port),
        ...(result ? { result } : {}),
        ...(probe ? { probe } : {}),
        transitions: [...transitions],
      };
    },
    keepOnly(keys) {
      for (const map of [results, probes, probedAt, over])
        for (const key of map.keys()) if (!keys.has(key)) map.delete(key);
    },
    async end() {
      await Promise.all(underWay.values());
    },
  };
}

function resultOf(stat: ServerStat, now: number): CheckResult {
  return {
    at: new Date(now).toISOString(),
    status: printable(stat.checkStatus, 30),
    code: printable(stat.checkCode, 15),
    description: printable(stat.lastCheck, MAX_DESCRIPTION),
    durationMs: stat.checkDurationMs,
  };
}

/** What there is to look at; undefined for a program's check, which tells by itself, and for no address. */
function subjectOf(server: Server, model: ServiceModel): ProbeSubject | undefined {
  const check = healthCheckOf(server, model);
  if (isScriptCheck(check) || server.address === undefined) return undefined;
  const pool = poolOfServer(server, model);
  const backend = pool.backends.find(({ target }) => target === server.target);
  const { target, address, port } = server;
  return {
    target,
    address,
    port,
    check,
    tls: backend?.tls,
    sendProxy: backend?.sendProxy,
    http2: pool.protocol === 'http2',
  };
}
