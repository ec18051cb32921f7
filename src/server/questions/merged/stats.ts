import type { AnswerTo } from '../../../api/agent-questions.ts';
import {
  type BackendTraffic,
  type LoadBalancerTraffic,
  type PoolTraffic,
  type TimeCounts,
  type TrafficRates,
  type TrafficTotals,
  percentilesOf,
} from '../../../api/stats.ts';
import { type Counts, addCounts } from '../../../base/percentiles.ts';

type StatsAnswer = Omit<AnswerTo<'stats'>, 'kind'>;
type Traffic = Pick<
  LoadBalancerTraffic,
  'connections' | 'queue' | 'perSecond' | 'totals' | 'averageMs' | 'percentilesMs'
>;

/** What several nodes tell of one load balancer, as if it were one. The list must not be empty. Pure. */
export function mergeStats(answers: readonly StatsAnswer[]): Omit<StatsAnswer, 'times'> {
  const times = answers.map((answer) => answer.times);
  const pools = Map.groupBy(
    answers.flatMap((answer) => answer.pools),
    ({ name }) => name,
  );
  return {
    time: answers.map(({ time }) => time).reduce((left, right) => (left > right ? left : right)),
    total: withPercentiles(
      answers.map(({ total }) => total),
      times,
      () => true,
    ),
    pools: [...pools].map(([name, parts]) => mergePool(name, parts, times)),
  };
}

type Times = readonly (readonly TimeCounts[] | undefined)[];

function mergePool(name: string, parts: readonly PoolTraffic[], times: Times): PoolTraffic {
  const backends = Map.groupBy(
    parts.flatMap((part) => part.backends),
    ({ target }) => target,
  );
  return {
    name,
    ...withPercentiles(parts, times, ({ pool }) => pool === name),
    backends: [...backends].map(([target, seen]) => ({ target, state: worstState(seen), ...addUp(seen) })),
  };
}

function withPercentiles(
  parts: readonly Traffic[],
  times: Times,
  isWanted: (times: TimeCounts) => boolean,
): Traffic {
  const [only] = parts;
  // Agents of before tell no times to count together; of one node its own percentiles stand.
  if (parts.length === 1 || times.includes(undefined))
    return {
      ...addUp(parts),
      ...(parts.length === 1 && only?.percentilesMs ? { percentilesMs: only.percentilesMs } : {}),
    };
  const counts = times.flatMap((each) => (each ?? []).filter(isWanted)).map((each) => each.counts as Counts);
  return { ...addUp(parts), ...percentilesOf(addCounts(counts)) };
}

/** Connections and what waits are now, rates of the last seconds, totals of ever: all of them are sums. */
function addUp(parts: readonly Traffic[]): Omit<Traffic, 'percentilesMs'> {
  const sum = (of: (part: Traffic) => number) => parts.reduce((total, part) => total + of(part), 0);
  return {
    connections: sum(({ connections }) => connections),
    queue: sum(({ queue }) => queue),
    perSecond: addFields(
      parts.map(({ perSecond }) => perSecond),
      round,
    ),
    totals: addFields(parts.map(({ totals }) => totals)),
    ...averages(parts),
  };
}

type Fields = TrafficRates | TrafficTotals;

/** Sums of all numbers of objects of the same shape. */
function addFields<T extends Fields | Fields['responses']>(
  list: readonly T[],
  finish: (sum: number) => number = (sum) => sum,
): T {
  const keys = Object.keys(list[0] ?? {}) as (keyof T)[];
  const entries = keys.map((key) => {
    const values = list.map((each) => each[key]);
    return [
      key,
      typeof values[0] === 'object'
        ? addFields(values as Fields['responses'][], finish)
        : finish((values as number[]).reduce((total, value) => total + value, 0)),
    ];
  });
  return Object.fromEntries(entries) as T;
}

/** By how much each node serves now; where none does, by how much it has served. */
function averages(parts: readonly Traffic[]): Pick<Traffic, 'averageMs'> {
  const measured = parts.flatMap(({ averageMs, perSecond, totals }) =>
    averageMs ? [{ averageMs, rate: perSecond.requests, requests: Math.min(totals.requests, 1024) }] : [],
  );
  const isBusy = measured.some(({ rate }) => rate > 0);
  const weighed = measured.map((each) => ({ ...each, weight: isBusy ? each.rate : each.requests }));
  const weight = weighed.reduce((total, each) => total + each.weight, 0);
  if (weight === 0) return measured[0] ? { averageMs: measured[0].averageMs } : {};
  const mean = (key: 'queue' | 'connect' | 'response' | 'total') =>
    round(weighed.reduce((total, each) => total + each.averageMs[key] * each.weight, 0) / weight);
  return {
    averageMs: {
      queue: mean('queue'),
      connect: mean('connect'),
      response: mean('response'),
      total: mean('total'),
    },
  };
}

/** From the state that most needs a look to the one that least does. */
const BY_NEED: readonly BackendTraffic['state'][] = [
  'down',
  'unresolved',
  'checking',
  'maintenance',
  'draining',
  'up',
];

function worstState(seen: readonly BackendTraffic[]): BackendTraffic['state'] {
  return BY_NEED.find((state) => seen.some((each) => each.state === state)) ?? 'checking';
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
