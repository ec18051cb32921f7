import { z } from 'zod';
import { parseDuration } from '../../base/duration.ts';
import { LogFilter, LogList, MAX_LOG_LINES } from '../logs.ts';
import { MAX_RATE_LIMIT_KEYS, RateLimitList } from '../rate-limits.ts';
import { Stats } from '../stats.ts';
import { NodeQuery, nameOrId } from './parts.ts';
import { defineRoutes } from './route.ts';

const params = z.strictObject({ loadBalancer: nameOrId });

/** A time, or how long ago it was. */
const Since = z
  .union([z.iso.datetime({ offset: true }), z.string().refine((text) => parseDuration(text) !== undefined)], {
    error: 'must be a time (2026-11-23T04:00:00Z) or how long ago it was (5m)',
  })
  .optional();

const limitOf = (max: number, usual: number) => z.coerce.number().int().min(1).max(max).default(usual);

export const observingRoutes = defineRoutes({
  getLoadBalancerStats: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/stats',
    tag: 'Observing',
    summary: 'Show what passes through',
    description:
      'Rates, totals and times of the load balancer, its pools and backends, summed over its nodes, and the nodes with the processes of HAProxy that serve there. A node that does not answer is named in `nodes`, with its `problem`, and left out of the sums. With `Accept: text/event-stream` one event `stats` each second; an event `problem` tells why one is missing.',
    role: 'viewer',
    problems: [503],
    params,
    query: NodeQuery,
    responses: {
      200: { description: 'The statistics.', schema: Stats, events: '`stats`: as the JSON answer.' },
    },
  },
  listLogs: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/logs',
    tag: 'Observing',
    summary: 'Read the access log',
    description:
      'The newest lines that HAProxy still has in memory, some thousands on each node, of all nodes in the order of their times. With `Accept: text/event-stream` these and then every line that comes, as events `request`; an event `missed` counts lines that came too fast to be told, `problem` tells why lines are missing.',
    role: 'viewer',
    problems: [503],
    params,
    query: LogFilter.extend({
      ...NodeQuery.shape,
      since: Since.describe('Only lines from then on: a time, or how long ago, such as `5m`. Default: all.'),
      limit: limitOf(MAX_LOG_LINES, 100).describe('Most lines, the newest. Default: 100.'),
    }),
    responses: {
      200: { description: 'The lines.', schema: LogList, events: '`request`: as one of the `items`.' },
    },
  },
  listRateLimits: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/rate-limit',
    tag: 'Observing',
    summary: 'Show how the rate limits are used',
    description:
      'Each limit with the clients that it denies and those that ask most, counted over all nodes of the load balancer.',
    role: 'viewer',
    problems: [503],
    params,
    query: NodeQuery.extend({
      limit: limitOf(MAX_RATE_LIMIT_KEYS, 20).describe('Most clients of each limit. Default: 20.'),
    }),
    responses: { 200: { description: 'The limits.', schema: RateLimitList } },
  },
});
