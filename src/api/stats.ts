import { z } from 'zod';
import { type Counts, percentile, totalOf } from '../base/percentiles.ts';
import { BackendState } from './load-balancer.ts';

const count = () => z.int().min(0);
const amount = () => z.number().min(0);

/** Something for each class of HTTP status. */
function byClass<T extends z.ZodType>(make: () => T) {
  return z.strictObject({
    '1xx': make(),
    '2xx': make(),
    '3xx': make(),
    '4xx': make(),
    '5xx': make(),
    other: make().describe('No status that HTTP knows.'),
  });
}

export const TrafficTotals = z
  .strictObject({
    requests: count().describe('Requests; tcp: connections.'),
    responses: byClass(count).describe('Answers by class of status (http).'),
    bytesIn: count().describe('Bytes from clients.'),
    bytesOut: count().describe('Bytes to clients.'),
    denied: count().describe(
      'Requests and connections that were refused by the access lists, or dropped by a rate limit. What a limit answers with a status counts by its class.',
    ),
    requestErrors: count().describe('Requests that could not be read or were broken off.'),
    connectErrors: count().describe('Connections to backends that failed.'),
    responseErrors: count().describe('Answers of backends that broke off or could not be read.'),
    retries: count().describe('Connections to backends that were tried again.'),
    redispatches: count().describe('Requests that went to another backend after a failure.'),
    clientAborts: count().describe('Transfers that clients broke off.'),
    serverAborts: count().describe('Transfers that backends broke off.'),
  })
  .describe('What was counted since the load balancer was made. Reloads and restarts do not set it back.');
export type TrafficTotals = z.infer<typeof TrafficTotals>;

export const TrafficRates = z
  .strictObject({
    requests: amount(),
    responses: byClass(amount),
    bytesIn: amount(),
    bytesOut: amount(),
  })
  .describe('Each second, as an average of the last five seconds.');
export type TrafficRates = z.infer<typeof TrafficRates>;

export const AverageMs = z
  .strictObject({
    queue: amount().describe('Waiting for a free connection to a backend.'),
    connect: amount().describe('Connecting to the backend.'),
    response: amount().describe('Until the backend began to answer (http).'),
    total: amount().describe('From the first byte to the last.'),
  })
  .describe('Averages of the last 1024 requests, in milliseconds.');

export const PercentilesMs = z
  .strictObject({
    p50: amount(),
    p90: amount(),
    p99: amount(),
    requests: count().describe('How many requests they are taken from.'),
  })
  .describe(
    'Percentiles of the whole time, in milliseconds, from the access log of the last minute; from its newest lines under much traffic.',
  );
export type PercentilesMs = z.infer<typeof PercentilesMs>;

/** Percentiles of counted times; nothing where none was counted. */
export function percentilesOf(counts: Counts): { percentilesMs?: PercentilesMs } {
  const requests = totalOf(counts);
  if (requests === 0) return {};
  const at = (share: number) => percentile(counts, share);
  return { percentilesMs: { p50: at(0.5), p90: at(0.9), p99: at(0.99), requests } };
}

/** What percentiles are taken from, so that those of several nodes can be told together: how often each time was measured. */
export const TimeCounts = z.strictObject({
  /** Absent for requests that went to no pool. */
  pool: z.string().max(64).optional(),
  /** Milliseconds, and how many requests took so long. */
  counts: z.array(z.tuple([z.number().min(0), z.int().min(1)])).max(20_000),
});
export type TimeCounts = z.infer<typeof TimeCounts>;

const TRAFFIC = {
  connections: count().describe('Now: client connections, or requests at a backend or pool.'),
  queue: count().describe('Requests that wait for a backend now.'),
  perSecond: TrafficRates,
  totals: TrafficTotals,
  averageMs: AverageMs.optional().describe('Absent where nothing was measured yet.'),
} as const;

export const BackendTraffic = z
  .strictObject({ target: z.string().max(300), state: BackendState, ...TRAFFIC })
  .describe('The traffic of one backend.');
export type BackendTraffic = z.infer<typeof BackendTraffic>;

export const PoolTraffic = z
  .strictObject({
    name: z.string().max(64),
    ...TRAFFIC,
    percentilesMs: PercentilesMs.optional().describe(
      'Absent for tcp, and where nothing was logged in the last minute.',
    ),
    backends: z.array(BackendTraffic),
  })
  .describe('The traffic of one pool.');
export type PoolTraffic = z.infer<typeof PoolTraffic>;

export const LoadBalancerTraffic = z
  .strictObject({ ...TRAFFIC, percentilesMs: PercentilesMs.optional() })
  .describe('The traffic of the whole load balancer, as clients see it.');
export type LoadBalancerTraffic = z.infer<typeof LoadBalancerTraffic>;

export const HeldConnections = z.strictObject({
  pool: z.string().max(64),
  target: z.string().max(300).describe('The backend as HAProxy calls it.'),
  connections: count(),
});

export const ServingWorker = z
  .strictObject({
    pid: z.int(),
    startedAt: z.iso.datetime(),
    connections: count().describe('Client connections, idle ones included.'),
  })
  .describe('The process of HAProxy that takes new connections.');

export const OldWorker = z
  .strictObject({
    pid: z.int(),
    startedAt: z.iso.datetime(),
    replacedAt: z.iso
      .datetime()
      .optional()
      .describe('When the reload was that it stays behind from; absent when the agent did not see it.'),
    replacedBy: z.int().optional().describe('The revision that the reload was for.'),
    connections: count().describe('Client connections that it still holds, idle ones included.'),
    held: z
      .array(HeldConnections)
      .max(100)
      .describe('Where its connections go. Idle ones are in none of them.'),
  })
  .describe('A process of HAProxy from before a reload. It ends with its last connection.');
export type OldWorker = z.infer<typeof OldWorker>;

/** The processes of one HAProxy. */
export const Workers = z.strictObject({
  serving: ServingWorker.optional().describe('Absent while none serves.'),
  old: z.array(OldWorker).describe('The oldest first.'),
});
export type Workers = z.infer<typeof Workers>;

export const NodeStats = Workers.extend({
  machine: z.string().describe('Name of the machine.'),
  total: LoadBalancerTraffic.optional().describe(
    'What passes through this node; absent when it does not answer.',
  ),
  problem: z
    .string()
    .optional()
    .describe('Why it does not answer, and so is left out of the sums; absent when it does.'),
}).describe('One node: its share of the traffic, and the processes of HAProxy on its machine.');
export type NodeStats = z.infer<typeof NodeStats>;

export const Stats = z
  .strictObject({
    time: z.iso.datetime().describe('When it was looked at, RFC 3339.'),
    total: LoadBalancerTraffic,
    pools: z.array(PoolTraffic),
    nodes: z.array(NodeStats).describe('Every node, or the one that was asked for.'),
  })
  .describe('What passes through a load balancer: the sum over all nodes that answer.');
export type Stats = z.infer<typeof Stats>;
