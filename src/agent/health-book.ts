import type { BackendState } from '../api/load-balancer.ts';
import type { HealthCheck } from '../spec/health-check.ts';
import { type Server, serverKey } from '../haproxy/config/server.ts';
import { failureReason } from '../haproxy/reason.ts';
import type { KnownHealth } from '../haproxy/runtime/server-state.ts';
import { type ServerStat, lastCheckResult } from '../haproxy/runtime/stat.ts';

/** What is known of one backend's health. */
export interface HealthEntry {
  health: KnownHealth;
  /** Since when, milliseconds since the epoch. */
  since: number;
  /** Failed checks that led to it, for a backend that is down. */
  failures: number;
  reason: string;
}

/** Remembers the health of a load balancer's backends over reloads, restarts and changes. */
export interface HealthBook {
  get(server: Pick<Server, 'pool' | 'name'>): HealthEntry | undefined;
  /** Notes the verdict of the first check. */
  admit(server: Server, stat: ServerStat, check: HealthCheck, now: number): void;
  /** Takes in what HAProxy says now. Answers whether any backend's health is another than before. */
  observe(
    servers: readonly Server[],
    stats: ReadonlyMap<string, ServerStat>,
    checkOf: (server: Server) => HealthCheck,
    now: number,
  ): boolean;
  /** Notes what is known from before, e.g. from the state file. */
  recall(key: string, health: KnownHealth, now: number): void;
  /** Forgets backends that are no longer there. */
  keepOnly(keys: ReadonlySet<string>): void;
}

export function createHealthBook(): HealthBook {
  const entries = new Map<string, HealthEntry>();
  const update = (
    server: Server,
    health: KnownHealth,
    stat: ServerStat,
    check: HealthCheck,
    since: number,
    failures: number,
  ) => {
    const before = entries.get(serverKey(server));
    const isSame = before?.health === health;
    const entry = {
      health,
      since: isSame ? before.since : since,
      failures: isSame ? before.failures : failures,
    };
    entries.set(serverKey(server), { ...entry, reason: reasonOf(server, stat, check, entry) });
    return !isSame;
  };
  return {
    get: (server) => entries.get(serverKey(server)),
    admit(server, stat, check, now) {
      update(server, stat.status.startsWith('UP') ? 'up' : 'down', stat, check, now, 1);
    },
    observe(servers, stats, checkOf, now) {
      let changed = false;
      for (const server of servers) {
        const stat = stats.get(serverKey(server));
        const health = stat ? healthOf(stat, entries.get(serverKey(server))) : 'unknown';
        if (!stat || health === 'unknown') continue;
        const check = checkOf(server);
        changed =
          update(server, health, stat, check, now - stat.secondsSinceChange * 1000, check.fall) || changed;
      }
      return changed;
    },
    recall(key, health, now) {
      entries.set(key, { health, since: now, failures: 0, reason: 'as it was when HAProxy last ran' });
    },
    keepOnly(keys) {
      for (const key of entries.keys()) if (!keys.has(key)) entries.delete(key);
    },
  };
}

/** A server that is down without ever having been checked is only waiting for its first check. */
function healthOf(stat: ServerStat, before: HealthEntry | undefined): KnownHealth {
  const result = lastCheckResult(stat);
  const wasKnown = before !== undefined && before.health !== 'unknown';
  if (/^(UP|DRAIN|no check)/.test(stat.status)) return result !== 'none' || wasKnown ? 'up' : 'unknown';
  return stat.status.startsWith('DOWN') && (result === 'failed' || wasKnown) ? 'down' : 'unknown';
}

function reasonOf(
  server: Server,
  stat: ServerStat,
  check: HealthCheck,
  entry: Omit<HealthEntry, 'reason'>,
): string {
  if (entry.health === 'up') return passedReason(stat);
  if (lastCheckResult(stat) === 'passed')
    return `answers again; ${check.rise} passed checks in a row bring it back`;
  return failureReason(stat, {
    address: server.address ?? server.target,
    port: check.port ?? server.port,
    failures: entry.failures,
    since: entry.since,
    expectStatus: check.type === 'tcp' ? undefined : check.expectStatus,
    timeout: check.timeout,
  });
}

function passedReason({ checkStatus, checkCode, checkDurationMs }: ServerStat): string {
  // While a check runs, HAProxy shows the result of the one before without its status.
  const status = Number(checkCode) > 0 ? ` with status ${checkCode}` : '';
  if (checkStatus === 'L7OK') return `check passed${status} in ${checkDurationMs} ms`;
  if (checkStatus === 'L4OK' || checkStatus === 'L6OK') return `connection opened in ${checkDurationMs} ms`;
  return checkStatus.startsWith('L') ? 'last check failed; still in service until more fail' : 'in service';
}

/** What a user is told of a backend. */
export function describeBackend(
  server: Server,
  entry: HealthEntry | undefined,
  stat: ServerStat | undefined,
  fault: string | undefined,
): { state: BackendState; reason: string } {
  if (server.address === undefined) return { state: 'unresolved', reason: fault ?? 'has no address yet' };
  if (stat?.status.startsWith('MAINT'))
    return { state: 'maintenance', reason: 'taken out by hand on the machine' };
  if (!entry || entry.health === 'unknown')
    return { state: 'checking', reason: 'waiting for its first check' };
  if (entry.health === 'down') return { state: 'down', reason: entry.reason };
  if (server.weight === 0) {
    const left = stat?.sessions ?? 0;
    return {
      state: 'draining',
      reason: `takes no new clients; ${left} ${left === 1 ? 'request or connection' : 'requests or connections'} left`,
    };
  }
  return { state: 'up', reason: entry.reason };
}
