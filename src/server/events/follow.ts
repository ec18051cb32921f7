import { type EventFilter, type EventRecord, eventsAfter, listEvents } from '../../store/events.ts';
import { readMeta } from '../../store/meta.ts';
import type { ServerContext } from '../context.ts';
import { KEEP_ALIVE, type ServerEvent } from '../http/event-stream.ts';
import { problemEvent } from '../questions/problem-event.ts';
import { eventId, eventView } from './view.ts';

/** A stream in which nothing happens shows so often that it lives, and looks whether another process told something. */
const QUIET_MS = 10_000;
const RETRY_MS = 1000;
const BATCH = 200;

export interface FollowedEvents {
  filter: EventFilter;
  /** The last event that the caller has; undefined to begin with the newest. */
  after: number | undefined;
  /** Most of those that there are already. */
  limit: number;
  /** Aborted when nobody reads any more. */
  signal: AbortSignal;
}

type Context = Pick<ServerContext, 'store' | 'changes' | 'clock' | 'closing'>;

/** The events that there are and then every one that comes. A first look that fails throws before anything is sent. */
export async function followEvents(
  { store, changes, clock, closing }: Context,
  { filter, after, limit, signal }: FollowedEvents,
): Promise<AsyncIterable<ServerEvent | typeof KEEP_ALIVE>> {
  const over = AbortSignal.any([signal, closing]);
  // Before the first look: what happens between it and the first wait is not lost.
  const watch = changes.watch('events');
  const look = async (from: number | undefined) =>
    store.transaction(async (tx): Promise<{ events: EventRecord[]; at: number }> => {
      const newest = Number((await readMeta(tx, 'event_number')) ?? 0);
      if (from !== undefined) {
        const events = await eventsAfter(tx, filter, { after: from, limit: BATCH });
        return { events, at: events.length < BATCH ? newest : (events.at(-1)?.number ?? newest) };
      }
      const events = await listEvents(tx, filter, { before: newest + 1, limit });
      return { events: events.toReversed(), at: newest };
    });
  const first = await look(after).catch((error: unknown) => {
    watch.close();
    throw error;
  });
  return (async function* () {
    let { events, at } = first;
    try {
      for (;;) {
        for (const event of events)
          yield { event: 'event', data: eventView(event), id: eventId(event.number) };
        if (over.aborted) return;
        if (events.length === 0 && !(await watch.next(QUIET_MS, over))) yield KEEP_ALIVE;
        if (over.aborted) return;
        try {
          ({ events, at } = await look(at));
        } catch (error) {
          if (over.aborted) return;
          events = [];
          yield problemEvent(error);
          await clock.sleep(RETRY_MS, over);
        }
      }
    } finally {
      watch.close();
    }
  })();
}
