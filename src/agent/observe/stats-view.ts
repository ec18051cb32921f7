import type { AnswerTo } from '../../api/agent-questions.ts';
import type { LoadBalancerReport } from '../../api/agent.ts';
import type { LogLine } from '../../api/logs.ts';
import { type TimeCounts, type TrafficRates, type TrafficTotals, percentilesOf } from '../../api/stats.ts';
import { addCounts, countValues } from '../../base/percentiles.ts';
import { failOpenBackend } from '../../haproxy/config/names.ts';
import { type Server, serverKey } from '../../haproxy/config/server.ts';
import type { Rates } from '../counters/rates.ts';
import {
  COLUMNS,
  type Column,
  type Reading,
  type Values,
  backendKey,
  clientsKey,
  serverKeyOf,
} from '../counters/readings.ts';

type StatsAnswer = AnswerTo<'stats'>;
type Traffic = Omit<StatsAnswer['total'], 'percentilesMs'>;

/** What is shown, as far as it is known. */
export interface StatsInput {
  type: 'http' | 'tcp';
  now: number;
  pools: readonly string[];
  servers: readonly Pick<Server, 'pool' | 'name' | 'target'>[];
  states: LoadBalancerReport['backends'];
  totals: ReadonlyMap<string, Values>;
  rates: Rates;
  /** What the serving worker told last. */
  serving: readonly Reading[];
  /** What each of the old workers told last. */
  old: readonly (readonly Reading[])[];
  /** Requests of the last minute. */
  recent: readonly LogLine[];
}

/** Puts together what passes through a load balancer. Sections that stand in for a pool count as the pool. */
export function statsView(input: StatsInput): StatsAnswer {
  const now = readingsByKey(input);
  const trafficOf = (keys: readonly string[]): Traffic => ({
    connections: sum(keys, (key) => now.get(key)?.connections ?? 0),
    queue: sum(keys, (key) => now.get(key)?.queue ?? 0),
    perSecond: ratesOf(input, keys),
    totals: totalsOf(input, keys),
    ...averagesOf(keys.flatMap((key) => now.get(key)?.measured ?? [])),
  });
  const states = new Map(input.states.map(({ pool, target, state }) => [`${pool}/${target}`, state]));
  const backendsOf = (pool: string) =>
    input.servers
      .filter((server) => server.pool === pool)
      .map((server) => ({
        target: server.target,
        state: states.get(`${pool}/${server.target}`) ?? ('checking' as const),
        ...trafficOf([`server/${serverKey(server)}`, serverKeyOf(failOpenBackend(pool), server.name)]),
      }));
  // A frontend has no times of its own.
  const { averageMs: _none, ...clients } = trafficOf([clientsKey(input.type)]);
  const sections = input.pools.flatMap((pool) => sectionsOf(pool));
  const times = timesOf(input);
  const percentilesWhere = (isWanted: (times: TimeCounts) => boolean) =>
    percentilesOf(addCounts(times.filter(isWanted).map(({ counts }) => counts)));
  return {
    kind: 'stats',
    time: new Date(input.now).toISOString(),
    total: {
      ...clients,
      queue: sum(sections, (key) => now.get(key)?.queue ?? 0),
      // Failures of backends are counted where the backends are.
      totals: withBackendFaults(clients.totals, totalsOf(input, sections)),
      ...averagesOf(sections.flatMap((key) => now.get(key)?.measured ?? [])),
      ...percentilesWhere(() => true),
    },
    pools: input.pools.map((name) => ({
      name,
      ...trafficOf(sectionsOf(name)),
      ...percentilesWhere(({ pool }) => pool === name),
      backends: backendsOf(name),
    })),
    ...(input.type === 'http' ? { times } : {}),
  };
}

const sectionsOf = (pool: string) => [backendKey(pool), backendKey(failOpenBackend(pool))];

interface Now {
  connections: number;
  queue: number;
  /** Averages of the worker that serves; the old ones' are of the past. */
  measured: { averages: Reading['averages']; weight: number }[];
}

function readingsByKey({ serving, old }: StatsInput): Map<string, Now> {
  const requests = COLUMNS.indexOf('stot');
  const found = new Map<string, Now>();
  for (const { key, connections, queue, averages, values } of serving)
    found.set(key, { connections, queue, measured: [{ averages, weight: values[requests] ?? 0 }] });
  for (const { key, connections, queue } of old.flat()) {
    const before = found.get(key) ?? { connections: 0, queue: 0, measured: [] };
    found.set(key, {
      ...before,
      connections: before.connections + connections,
      queue: before.queue + queue,
    });
  }
  return found;
}

/** The average of averages, each by how much it was taken from; nothing where nothing was measured. */
function averagesOf(measured: Now['measured']): Pick<Traffic, 'averageMs'> {
  const weight = measured.reduce((all, each) => all + Math.min(each.weight, 1024), 0);
  if (weight === 0) return {};
  const mean = (index: 0 | 1 | 2 | 3) =>
    round(
      measured.reduce((all, each) => all + each.averages[index] * Math.min(each.weight, 1024), 0) / weight,
    );
  return { averageMs: { queue: mean(0), connect: mean(1), response: mean(2), total: mean(3) } };
}

/** How long requests took, by pool. */
function timesOf({ type, recent }: StatsInput): TimeCounts[] {
  // How long a connection lasts says nothing of how well it is served.
  if (type === 'tcp') return [];
  return [...Map.groupBy(recent, ({ pool }) => pool)].map(([pool, lines]) => ({
    ...(pool === undefined ? {} : { pool }),
    counts: countValues(lines.flatMap(({ milliseconds }) => milliseconds.total ?? [])),
  }));
}

const CLASSES = {
  '1xx': 'hrsp_1xx',
  '2xx': 'hrsp_2xx',
  '3xx': 'hrsp_3xx',
  '4xx': 'hrsp_4xx',
  '5xx': 'hrsp_5xx',
  other: 'hrsp_other',
} as const satisfies Record<string, Column>;

type Read = (...columns: Column[]) => number;

function reader(values: readonly Values[]): Read {
  return (...columns) => sum(columns, (column) => sum(values, (each) => each[COLUMNS.indexOf(column)] ?? 0));
}

function byClass(read: Read): TrafficTotals['responses'] {
  const entries = Object.entries(CLASSES).map(([name, column]) => [name, read(column)]);
  return Object.fromEntries(entries) as TrafficTotals['responses'];
}

function totalsOf({ type, totals }: StatsInput, keys: readonly string[]): TrafficTotals {
  const read = reader(keys.flatMap((key) => [totals.get(key) ?? []]));
  return {
    requests: read(type === 'http' ? 'req_tot' : 'stot'),
    responses: byClass(read),
    bytesIn: read('bin'),
    bytesOut: read('bout'),
    denied: read('dreq', 'dcon', 'dses'),
    requestErrors: read('ereq'),
    connectErrors: read('econ'),
    responseErrors: read('eresp'),
    retries: read('wretr'),
    redispatches: read('wredis'),
    clientAborts: read('cli_abrt'),
    serverAborts: read('srv_abrt'),
  };
}

function withBackendFaults(clients: TrafficTotals, pools: TrafficTotals): TrafficTotals {
  const { connectErrors, responseErrors, retries, redispatches, clientAborts, serverAborts } = pools;
  return { ...clients, connectErrors, responseErrors, retries, redispatches, clientAborts, serverAborts };
}

function ratesOf({ type, rates }: StatsInput, keys: readonly string[]): TrafficRates {
  const read = reader(keys.map((key) => rates.perSecond(key)));
  const rounded: Read = (...columns) => round(read(...columns));
  return {
    requests: rounded(type === 'http' ? 'req_tot' : 'stot'),
    responses: byClass(rounded),
    bytesIn: rounded('bin'),
    bytesOut: rounded('bout'),
  };
}

/** The totals of a whole load balancer, for its report. */
export function reportedTotals(
  type: 'http' | 'tcp',
  pools: readonly string[],
  totals: ReadonlyMap<string, Values>,
): TrafficTotals {
  const input = { type, totals } as StatsInput;
  return withBackendFaults(totalsOf(input, [clientsKey(type)]), totalsOf(input, pools.flatMap(sectionsOf)));
}

function sum<T>(list: readonly T[], value: (item: T) => number): number {
  return list.reduce((total, item) => total + value(item), 0);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
