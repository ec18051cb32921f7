import { isFailOpen } from '../../haproxy/config/names.ts';
import { type StatTable, rowType } from '../../haproxy/runtime/stat.ts';
import type { CountedTraffic } from './verdict.ts';

/** What a worker has counted for one section that serves clients, since it began. */
export interface PoolReading {
  section: string;
  requests: number;
  errors: number;
  /** Requests that HAProxy's averages are about. */
  timed: number;
  /** Average of the last requests in milliseconds: queue, connection and response. */
  averageMs: number;
}

/** Reads what pools have counted. Answers that the frontend gives itself (a redirect, a page) are not among them. */
export function poolReadings(table: StatTable, type: 'http' | 'tcp'): PoolReading[] {
  const at = (name: string) => table.columns.get(name) ?? -1;
  const columns = {
    requests: at(type === 'http' ? 'req_tot' : 'stot'),
    errors: at(type === 'http' ? 'hrsp_5xx' : 'econ'),
    timed: at(type === 'http' ? 'req_tot' : 'lbtot'),
  };
  const times = ['qtime', 'ctime', 'rtime'].map(at);
  const name = at('pxname');
  return table.rows.flatMap((row) => {
    const section = row[name] ?? '';
    if (rowType(table, row) !== 'backend' || (section.includes(':') && !isFailOpen(section))) return [];
    const number = (index: number) => Number(row[index] || 0);
    return [
      {
        section,
        requests: number(columns.requests),
        errors: number(columns.errors),
        timed: number(columns.timed),
        averageMs: times.reduce((sum, index) => sum + number(index), 0),
      },
    ];
  });
}

/** Counters added up over sections. */
export interface Sums {
  requests: number;
  errors: number;
}

export function sumsOf(readings: readonly PoolReading[]): Sums {
  return {
    requests: readings.reduce((sum, { requests }) => sum + requests, 0),
    errors: readings.reduce((sum, { errors }) => sum + errors, 0),
  };
}

/** Remembers the traffic of the last minute, whichever worker served it. Workers from before a reload do not count. */
export interface Meter {
  /** Takes in what the serving worker tells. */
  take(worker: string, readings: readonly PoolReading[], at: number): void;
  /** What was counted from then on, as far as it is remembered. */
  since(at: number): CountedTraffic;
  /** What is usual: the last minute, or, when little is known of it, all that the worker has counted. */
  usual(at: number): CountedTraffic;
  /** When something was taken in last. */
  lastAt(): number;
}

interface Counted extends Sums {
  timed: number;
  timeMs: number;
}

interface Sample {
  at: number;
  counted: Counted;
}

const WINDOW_MS = 60_000;
/** Fewer requests say less than all that the worker has counted since it began. */
const FEW = 20;
/** From so many on, the requests of a minute have an average of their own that can be trusted. */
const ENOUGH = 50;
const NOTHING: Counted = { requests: 0, errors: 0, timed: 0, timeMs: 0 };

export function createMeter(): Meter {
  let samples: Sample[] = [];
  let worker: string | undefined;
  let last = new Map<string, PoolReading>();

  const total = () => samples.at(-1)?.counted ?? NOTHING;
  const since = (at: number): CountedTraffic => {
    const from = samples.findLast((sample) => sample.at <= at) ?? samples[0];
    return traffic(minus(total(), from?.counted ?? NOTHING));
  };
  return {
    take(id, readings, at) {
      // A worker that this process has not seen before a reload counted its requests before anybody looked.
      const isFirst = worker === undefined;
      if (worker !== id) last = new Map();
      worker = id;
      const fresh = isFirst
        ? NOTHING
        : readings.reduce((sum, reading) => plus(sum, growth(last.get(reading.section), reading)), NOTHING);
      last = new Map(readings.map((reading) => [reading.section, reading]));
      samples.push({ at, counted: plus(total(), fresh) });
      // One from before the window stays: it is where the window begins.
      while (samples[1] && samples[1].at <= at - WINDOW_MS) samples.shift();
    },
    since,
    usual(at) {
      const readings = [...last.values()];
      const recent = averageOf(readings);
      const minute = since(at - WINDOW_MS);
      if (minute.requests < FEW) return { ...sumsOf(readings), ...recent };
      return minute.timed >= ENOUGH ? minute : { ...minute, ...recent };
    },
    lastAt: () => samples.at(-1)?.at ?? 0,
  };
}

/** HAProxy's averages are over so many requests (TIME_STATS_SAMPLES), and fade out of it from then on. */
const AVERAGED = 512;

/** What came between two readings of a section. */
function growth(before: PoolReading | undefined, now: PoolReading): Counted {
  if (!before || now.requests < before.requests || now.timed < before.timed)
    return {
      requests: now.requests,
      errors: now.errors,
      timed: now.timed,
      timeMs: now.averageMs * now.timed,
    };
  const timed = now.timed - before.timed;
  return {
    requests: now.requests - before.requests,
    errors: Math.max(0, now.errors - before.errors),
    timed,
    timeMs: timed === 0 ? 0 : timed * averageBetween(before, now),
  };
}

/**
 * The average of the requests between two readings alone. HAProxy adds up the times of its first requests; from the
 * 512th on each new one takes the place of a 512th of the sum, so what is left of the old average can be taken out.
 */
function averageBetween(before: PoolReading, now: PoolReading): number {
  const faded = Math.max(0, now.timed - AVERAGED) - Math.max(0, before.timed - AVERAGED);
  const left = Math.min(before.timed, AVERAGED) * (1 - 1 / AVERAGED) ** faded;
  const weight = Math.min(now.timed, AVERAGED);
  return (now.averageMs * weight - before.averageMs * left) / (weight - left);
}

/** The average that HAProxy tells of the last requests of all sections. */
function averageOf(readings: readonly PoolReading[]): Pick<CountedTraffic, 'timed' | 'responseMs'> {
  const weight = readings.reduce((sum, { timed }) => sum + Math.min(timed, AVERAGED), 0);
  if (weight === 0) return { timed: 0 };
  const sum = readings.reduce((all, { averageMs, timed }) => all + averageMs * Math.min(timed, AVERAGED), 0);
  return { timed: weight, responseMs: sum / weight };
}

function traffic({ requests, errors, timed, timeMs }: Counted): CountedTraffic {
  // Rounding in HAProxy's averages can leave a little less than nothing.
  return { requests, errors, timed, ...(timed > 0 ? { responseMs: Math.max(0, timeMs / timed) } : {}) };
}

function plus(left: Counted, right: Counted): Counted {
  return combine(left, right, (a, b) => a + b);
}

function minus(left: Counted, right: Counted): Counted {
  return combine(left, right, (a, b) => a - b);
}

function combine(left: Counted, right: Counted, by: (a: number, b: number) => number): Counted {
  return {
    requests: by(left.requests, right.requests),
    errors: by(left.errors, right.errors),
    timed: by(left.timed, right.timed),
    timeMs: by(left.timeMs, right.timeMs),
  };
}
