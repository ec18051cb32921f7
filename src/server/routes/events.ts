import type { eventRoutes } from '../../api/contract/events.ts';
import type { RouteQuery } from '../../api/contract/route.ts';
import { listEvents } from '../../store/events.ts';
import { machineIdsOf } from '../../store/nodes.ts';
import type { ServerContext } from '../context.ts';
import { followEvents } from '../events/follow.ts';
import { eventNumber, eventView } from '../events/view.ts';
import { wantsEvents } from '../http/event-stream.ts';
import type { Answer, ApiRequest, Handlers } from '../http/handler.ts';
import { pageAnswer, pageStart } from '../http/paging.ts';
import { requireLoadBalancer } from '../load-balancers/read.ts';

type EventQuery = RouteQuery<(typeof eventRoutes)['listEvents']>;
type EventRequest = Pick<ApiRequest, 'headers' | 'signal' | 'url'> & { query: EventQuery };

const ABOVE_ALL = Number.MAX_SAFE_INTEGER;

export function eventHandlers(context: ServerContext): Handlers<typeof eventRoutes> {
  return {
    listEvents: (request) => answer(context, request, undefined),
    async listLoadBalancerEvents(request) {
      const resourceIds = await context.store.transaction(async (tx) => {
        const { id } = await requireLoadBalancer(tx, request.params.loadBalancer);
        return [id, ...(await machineIdsOf(tx, id))];
      });
      return answer(context, request, resourceIds);
    },
  };
}

async function answer(
  context: ServerContext,
  request: EventRequest,
  resourceIds: readonly string[] | undefined,
): Promise<Answer> {
  const { query, headers, signal } = request;
  const filter = { resourceIds, types: query.type, severity: query.severity };
  if (wantsEvents(headers.accept)) {
    const after = eventNumber(headers['last-event-id']);
    const events = await followEvents(context, { filter, after, limit: query.limit, signal });
    return { status: 200, events };
  }
  const before = pageStart<number>(query, ABOVE_ALL);
  const events = await context.store.transaction((tx) =>
    listEvents(tx, filter, { before, limit: query.limit + 1 }),
  );
  return pageAnswer(request, events, ({ number }) => number, eventView);
}
