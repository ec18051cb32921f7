import type { observingRoutes } from '../../api/contract/observing.ts';
import type { RouteQuery } from '../../api/contract/route.ts';
import type { Stats } from '../../api/stats.ts';
import { parseDuration } from '../../base/duration.ts';
import type { ServerContext } from '../context.ts';
import { wantsEvents } from '../http/event-stream.ts';
import type { Handlers } from '../http/handler.ts';
import { askNode, requireNodes } from '../questions/ask-node.ts';
import { askNodes, eachNode } from '../questions/each-node.ts';
import { everySecond } from '../questions/every-second.ts';
import { followLogs } from '../questions/follow-logs.ts';
import { requireLoadBalancer } from '../load-balancers/read.ts';
import { requireKnown } from '../questions/known-filters.ts';
import { missingOf } from '../questions/missing.ts';
import { parseCursors } from '../questions/log-cursors.ts';
import type { LogsQuestion } from '../questions/log-tails.ts';
import { mergeLines } from '../questions/merged/logs.ts';
import { mergeLimits } from '../questions/merged/rate-limits.ts';
import { mergeStats } from '../questions/merged/stats.ts';

type LogQuery = RouteQuery<(typeof observingRoutes)['listLogs']>;

export function observingHandlers(context: ServerContext): Handlers<typeof observingRoutes> {
  return {
    async getLoadBalancerStats({ params, query, headers, signal }) {
      const look = () => readStats(context, { ...params, ...query, signal });
      const first = await look();
      if (!wantsEvents(headers.accept)) return { status: 200, body: first };
      return { status: 200, events: everySecond(context, { event: 'stats', first, look, signal }) };
    },
    async listLogs({ params, query, headers, signal }) {
      const nodes = () => requireNodes(context, params.loadBalancer, query.node);
      const question = logsQuestion(query, context.clock.now());
      const checkNames = () => requireKnownIn(context, params.loadBalancer, query);
      if (wantsEvents(headers.accept)) {
        await checkNames();
        const cursors = parseCursors(headers['last-event-id']);
        return { status: 200, events: await followLogs(context, { question, cursors, nodes, signal }) };
      }
      const { answers, faults } = await askNodes(context, await nodes(), question, { signal });
      const lines = mergeLines(
        answers.map(({ node, answer }) => ({ machine: node.machine, lines: answer.lines })),
      );
      // Of what has just been removed there may be lines still.
      if (lines.length === 0) await checkNames();
      return { status: 200, body: { items: lines.slice(-query.limit), ...missingOf(faults) } };
    },
    async listRateLimits({ params, query, signal }) {
      const nodes = await requireNodes(context, params.loadBalancer, query.node);
      const question = { kind: 'rate-limits', keys: query.limit } as const;
      const { answers, faults } = await askNodes(context, nodes, question, { signal });
      const items = mergeLimits(
        answers.map(({ answer }) => answer.limits),
        query.limit,
      );
      return { status: 200, body: { items, ...missingOf(faults) } };
    },
  };
}

async function requireKnownIn(
  { store }: ServerContext,
  loadBalancer: string,
  query: LogQuery,
): Promise<void> {
  const { name, spec } = await store.transaction((tx) => requireLoadBalancer(tx, loadBalancer));
  requireKnown(name, spec, query);
}

interface StatsAsked {
  loadBalancer: string;
  /** The one node that is meant; undefined for all. */
  node?: string | undefined;
  signal: AbortSignal;
}

async function readStats(context: ServerContext, { loadBalancer, node, signal }: StatsAsked): Promise<Stats> {
  // Nodes come and go, and so they are looked for each time.
  const nodes = await requireNodes(context, loadBalancer, node);
  const { answers, faults } = await eachNode(
    context,
    nodes,
    async (asked, until) => {
      const [stats, workers] = await Promise.all([
        askNode(context, asked, { kind: 'stats' }, { signal: until }),
        askNode(context, asked, { kind: 'workers' }, { signal: until }),
      ]);
      return { stats, workers };
    },
    signal,
  );
  const told = [
    ...answers.map(({ node: { machine }, answer: { stats, workers } }) => {
      const { kind: _kind, ...processes } = workers;
      return { machine, total: stats.total, ...processes };
    }),
    ...faults.map(({ node: { machine }, error }) => ({ machine, problem: error.message, old: [] })),
  ];
  return {
    ...mergeStats(answers.map(({ answer }) => answer.stats)),
    nodes: told.sort((left, right) => (left.machine < right.machine ? -1 : 1)),
  };
}

function logsQuestion({ limit, since, node: _node, ...filter }: LogQuery, now: number): LogsQuestion {
  const ago = since === undefined ? undefined : parseDuration(since);
  const from = since === undefined ? undefined : ago === undefined ? Date.parse(since) : now - ago;
  return { kind: 'logs', filter, limit, ...(from === undefined ? {} : { since: Math.max(0, from) }) };
}
