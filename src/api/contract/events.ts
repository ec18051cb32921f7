import { z } from 'zod';
import { Event, EventTypeFilter, Severity } from '../events.ts';
import { PageQuery, nameOrId, pageOf } from './parts.ts';
import { defineRoutes } from './route.ts';

const EventQuery = PageQuery.extend({
  type: EventTypeFilter.optional().describe(
    'Only events of these types, by commas; `certificate.*` is all of a group. Default: all.',
  ),
  severity: Severity.optional().describe('Only events of this severity or a higher one. Default: info, all.'),
});

const STREAM =
  'With `Accept: text/event-stream` the newest `limit` events, the oldest first, and then every one that comes, as events `event`; with `Last-Event-ID` what came after it, and then every one that comes.';
const KEPT =
  'Kept are those of the last 30 days, at most 50,000, and of one load balancer at most 500 of each group.';

const responses = {
  200: {
    description: 'One page.',
    schema: pageOf(Event),
    events: '`event`: as one of the `items`.',
    headers: { Link: 'The next page (`rel="next"`), if there is one.' },
  },
};

export const eventRoutes = defineRoutes({
  listEvents: {
    method: 'GET',
    path: '/v1/events',
    tag: 'Events',
    summary: 'What has happened',
    description: `The newest first, of all load balancers and machines. ${STREAM} ${KEPT}`,
    role: 'viewer',
    query: EventQuery,
    responses,
  },
  listLoadBalancerEvents: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/events',
    tag: 'Events',
    summary: 'What has happened to a load balancer',
    description: `The newest first, those of the machines that serve it among them. ${STREAM} ${KEPT}`,
    role: 'viewer',
    params: z.strictObject({ loadBalancer: nameOrId }),
    query: EventQuery,
    responses,
  },
});
