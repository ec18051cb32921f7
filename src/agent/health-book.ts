import type { Transition } from '../api/evidence.ts';
import type { BackendState } from '../api/load-balancer.ts';
import { printable } from '../base/printable.ts';
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
  /** Errors of live traffic in a row that took it out; absent when checks did. */
  passiveErrors?: number | undefined;
  /** Whether the reason is all that can be known of it. */
  isComplete: boolean;
}

type Noted = Omit<HealthEntry, 'reason'>;

/** A verdict on a backend that HAProxy did not come to itself: a program's. */
export interface Verdict {
  health: 'up' | 'down';
  /** Results in a row that led to it. */
  count: number;
  reason: string;
}

/** Remembers the health of a load balancer's backends over reloads, restarts and changes. */
export interface HealthBook {
  get(server: Pick<Server, 'pool' | 'name'>): HealthEntry | undefined;
  /** When and why the backend went up and down, the newest first. */
  transitions(server: Pick<Server, 'pool' | 'name'>): readonly Transition[];
  /** Notes the verdict of the first check. */
  admit(server: Server, stat: ServerStat, check: HealthCheck, now: number): void;
  /** Takes in what HAProxy says now. Answers whether any backend's health is another than before. */
  observe(
    servers: readonly Server[],
    stats: ReadonlyMap<string, ServerStat>,
    checkOf: (server: Server) => HealthCheck,
    now: number,
  ): boolean;
  /** Takes in the verdict of a program. */
  judge(server: Server, verdict: Verdict, now: number): void;
  /** Notes what is known from before, e.g. from the state file. */
  recall(key: string, health: KnownHealth, now: number): void;
  /** Keys of the backends of which something else is known than before, until somebody clears it. */
  readonly changed: Set<string>;
  /** What has turned since this was last asked for, the oldest first; of very many the last. */
  takeTurns(): readonly Turn[];
  /** Keys of the backends that are or were down. */
  readonly downs: ReadonlySet<string>;
  /** Forgets backends that are no longer there. */
  keepOnly(keys: ReadonlySet<string>): void;
}

/** A backend that came up or went down. */
export interface Turn extends Transition {
  key: string;
}

/** So many turns are remembered until somebody asks for them. */
const MAX_TURNS = 1000;
/** How many changes of a backend are remembered. */
const MAX_TRANSITIONS = 20;
const MAX_REASON = 300;

interface Seen {
  passiveErrors: number;
  downs: number;
}

export function createHealthBook(): HealthBook {
  const entries = new Map<string, HealthEntry>();
  const rings = new Map<string, Transition[]>();
  const seen = new Map<string, Seen>();

  const changed = new Set<string>();
  const downs = new Set<string>();

  let turns: Turn[] = [];
  const note = (key: string, transition: Transition) => {
    turns.push({ ...transition, key });
    if (turns.length > 2 * MAX_TURNS) turns = turns.slice(-MAX_TURNS);
    if (transition.state === 'down') downs.add(key);
    const ring = [transition, ...(rings.get(key) ?? [])];
    rings.set(key, ring.slice(0, MAX_TRANSITIONS));
  };
  /** The change that began the present state gets its full reason once it is known. */
  const amend = (key: string, state: string, reason: string) => {
    const [newest, ...older] = rings.get(key) ?? [];
    if (newest?.state === state)
      rings.set(key, [{ ...newest, reason: printable(reason, MAX_REASON) }, ...older]);
  };
  /** Keeps an entry; what stays as it is stays since then. */
  const update = (key: string, entry: Noted, reasonOf: (kept: Noted) => string): boolean => {
    const before = entries.get(key);
    const isSame = before?.health === entry.health;
    const kept = isSame ? { ...before, isComplete: before.isComplete || entry.isComplete } : entry;
    // While a check is running, its outcome is not told: what was known of the one before stays.
    const reason = isSame && !entry.isComplete ? before.reason : reasonOf(kept);
    if (isSame && reason === before.reason && kept.isComplete === before.isComplete) return false;
    changed.add(key);
    entries.set(key, { ...kept, reason });
    if (isSame && !before.isComplete && entry.isComplete) amend(key, kept.health, reason);
    if (isSame || kept.health === 'unknown') return !isSame;
    const at = new Date(kept.since).toISOString();
    note(key, { at, state: kept.health, reason: printable(reason, MAX_REASON) });
    return true;
  };
  const observeOne = (server: Server, stat: ServerStat, check: HealthCheck, now: number): boolean => {
    const key = serverKey(server);
    const before = entries.get(key);
    const health = healthOf(stat, before);
    const counted = seen.get(key);
    seen.set(key, { passiveErrors: stat.passiveErrors, downs: stat.downs });
    if (health === 'unknown') return false;
    const since = now - stat.secondsSinceChange * 1000;
    if (before?.health === 'up' && health === 'up' && counted && stat.downs > counted.downs)
      note(key, {
        at: new Date(since).toISOString(),
        state: 'up',
        reason: 'was out for a moment and came back',
      });
    const passiveErrors = health === 'down' ? passiveErrorsOf(stat, counted, check) : undefined;
    const entry = { health, since, failures: check.fall, passiveErrors, isComplete: isTold(stat) };
    return update(key, entry, (kept) => reasonOf(server, stat, check, kept));
  };

  return {
    changed,
    downs,
    takeTurns() {
      const taken = turns;
      turns = [];
      // The full reason is often known only after the turn.
      return taken.map((turn) => ({ ...turn, ...rings.get(turn.key)?.find(({ at }) => at === turn.at) }));
    },
    get: (server) => entries.get(serverKey(server)),
    transitions: (server) => rings.get(serverKey(server)) ?? [],
    admit(server, stat, check, now) {
      const health = stat.status.startsWith('UP') ? 'up' : 'down';
      const entry = { health, since: now, failures: 1, isComplete: isTold(stat) } as const;
      update(serverKey(server), entry, (kept) => reasonOf(server, stat, check, kept));
    },
    observe(servers, stats, checkOf, now) {
      let changed = false;
      for (const server of servers) {
        const stat = stats.get(serverKey(server));
        if (stat) changed = observeOne(server, stat, checkOf(server), now) || changed;
      }
      return changed;
    },
    judge(server, { health, count, reason }, now) {
      const entry = { health, since: now, failures: count, isComplete: true };
      update(serverKey(server), entry, () => reason);
    },
    recall(key, health, now) {
      const reason = 'as it was when HAProxy last ran';
      entries.set(key, { health, since: now, failures: 0, reason, isComplete: false });
      if (health === 'down') downs.add(key);
      changed.add(key);
    },
    keepOnly(keys) {
      for (const map of [entries, rings, seen, downs])
        for (const key of map.keys()) if (!keys.has(key)) map.delete(key);
    },
  };
}

/**
 * Errors of live traffic that took a backend out since the last look; undefined when its checks did. HAProxy's own word
 * for it is soon overwritten by the next check, but its counter stays.
 */
function passiveErrorsOf(
  stat: ServerStat,
  before: Seen | undefined,
  { passive }: HealthCheck,
): number | undefined {
  if (!passive || passive.errors === 0) return undefined;
  const fresh = stat.passiveErrors - (before?.passiveErrors ?? stat.passiveErrors);
  return stat.checkStatus.startsWith('HANA') || fresh > 0 ? passive.errors : undefined;
}

/** Whether HAProxy tells what the last check came to; it does not while one is running, nor before the first. */
function isTold(stat: ServerStat): boolean {
  return !stat.isChecking && lastCheckResult(stat) !== 'none';
}

/** A server that is down without ever having been checked is only waiting for its first check. */
function healthOf(stat: ServerStat, before: HealthEntry | undefined): KnownHealth {
  const result = lastCheckResult(stat);
  const wasKnown = before !== undefined && before.health !== 'unknown';
  if (/^(UP|DRAIN|no check)/.test(stat.status)) return result !== 'none' || wasKnown ? 'up' : 'unknown';
  return stat.status.startsWith('DOWN') && (result === 'failed' || wasKnown) ? 'down' : 'unknown';
}

function reasonOf(server: Server, stat: ServerStat, check: HealthCheck, entry: Noted): string {
  if (entry.health === 'up') return passedReason(stat);
  if (lastCheckResult(stat) === 'passed')
    return `answers again; ${check.rise} passed checks in a row bring it back`;
  return failureReason(stat, {
    address: server.address ?? server.target,
    port: check.port ?? server.port,
    failures: entry.failures,
    since: entry.since,
    check,
    passiveErrors: entry.passiveErrors,
  });
}

function passedReason({ checkStatus, checkCode, checkDurationMs }: ServerStat): string {
  // While a check runs, HAProxy shows the result of the one before without its status.
  const status = Number(checkCode) > 0 ? ` with status ${checkCode}` : '';
  if (checkStatus === 'L7OK') return `check passed${status} in ${checkDurationMs} ms`;
  if (checkStatus === 'L4OK' || checkStatus === 'L6OK') return `connection opened in ${checkDurationMs} ms`;
  return checkStatus.startsWith('L') ? 'last check failed; still in service until more fail' : 'in service';
}

/**
 * What a user is told of a backend.
 * @param now how many sessions it has, and whether somebody has taken it out by hand.
 */
export function describeBackend(
  server: Server,
  entry: HealthEntry | undefined,
  { sessions, isOut }: { sessions: number; isOut: boolean },
  fault: string | undefined,
): { state: BackendState; reason: string } {
  if (server.address === undefined) return { state: 'unresolved', reason: fault ?? 'has no address yet' };
  if (isOut) return { state: 'maintenance', reason: 'taken out by hand on the machine' };
  if (!entry || entry.health === 'unknown')
    return { state: 'checking', reason: 'waiting for its first check' };
  if (entry.health === 'down') return { state: 'down', reason: entry.reason };
  if (server.weight === 0) {
    const left = sessions;
    return {
      state: 'draining',
      reason: `takes no new clients; ${left} ${left === 1 ? 'request or connection' : 'requests or connections'} left`,
    };
  }
  return { state: 'up', reason: entry.reason };
}
