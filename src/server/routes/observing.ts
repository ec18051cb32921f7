import type { observingRoutes } from '../../api/contract/observing.ts';
import type { RouteQuery } from '../../api/contract/route.ts';
import type { LogEntry } from '../../api/logs.ts';
import type { Stats } from '../../api/stats.ts';
import { parseDuration } from '../../base/duration.ts';
import type { ServerContext } from '../context.ts';
import { wantsEvents } from '../http/event-stream.ts';
import type { Handlers } from '../http/handler.ts';
import { type LogsQuestion, followLogs } from '../questions/follow-logs.ts';
import { type AskOptions, type AskedNode, askNode, requireNode } from '../questions/ask-node.ts';
import { everySecond } from '../questions/every-second.ts';

type LogQuery = RouteQuery<(typeof observingRoutes)['listLogs']>;

export function observingHandlers(context: ServerContext): Handlers<typeof observingRoutes> {
  return {
    async getLoadBalancerStats({ params, headers, signal }) {
      const node = await requireNode(context, params.loadBalancer);
      const look = () => readStats(context, node, { signal });
      const first = await look();
      if (!wantsEvents(headers.accept)) return { status: 200, body: first };
      return { status: 200, events: everySecond(context, { event: 'stats', first, look, signal }) };
    },
    async listLogs({ params, query, headers, signal }) {
      const node = await requireNode(context, params.loadBalancer);
      const question = logsQuestion(query, context.clock.now());
      if (wantsEvents(headers.accept)) {
        const from = headers['last-event-id'];
        const cursor = typeof from === 'string' && from.length <= 64 ? from : undefined;
        return { status: 200, events: await followLogs(context, node, { question, cursor, signal }) };
      }
      const { lines } = await askNode(context, node, question, { signal });
      const items = lines.map((line): LogEntry => ({ ...line, machine: node.machine }));
      return { status: 200, body: { items } };
    },
    async listRateLimits({ params, query, signal }) {
      const node = await requireNode(context, params.loadBalancer);
      const { limits } = await askNode(context, node, { kind: 'rate-limits', keys: query.limit }, { signal });
      return { status: 200, body: { items: limits } };
    },
  };
}

async function readStats(context: ServerContext, node: AskedNode, options: AskOptions): Promise<Stats> {
  const [{ time, total, pools }, { kind: _kind, ...workers }] = await Promise.all([
    askNode(context, node, { kind: 'stats' }, options),
    askNode(context, node, { kind: 'workers' }, options),
  ]);
  return { time, total, pools, nodes: [{ machine: node.machine, ...workers }] };
}

function logsQuestion({ limit, since, ...filter }: LogQuery, now: number): LogsQuestion {
  const ago = since === undefined ? undefined : parseDuration(since);
  const from = since === undefined ? undefined : ago === undefined ? Date.parse(since) : now - ago;
  return { kind: 'logs', filter, limit, ...(from === undefined ? {} : { since: Math.max(0, from) }) };
}
