import { Readable } from 'node:stream';

/** One event of a `text/event-stream` (HTML standard, section 9.2). */
export interface ServerEvent {
  /** Its kind; a browser listens by it. */
  event: string;
  data: unknown;
  /** Where a client that lost the connection goes on (`Last-Event-ID`). */
  id?: string;
}

export const EVENT_STREAM = 'text/event-stream';

/** Whether the caller wants a stream rather than one answer. */
export function wantsEvents(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some((part) => part.split(';')[0]?.trim().toLowerCase() === EVENT_STREAM);
}

/** A line that is no event, so that proxies in between see that the connection lives. */
export const KEEP_ALIVE = Symbol('keep-alive');

/** Writes events as they come; ends with them. */
export function eventStream(events: AsyncIterable<ServerEvent | typeof KEEP_ALIVE>): Readable {
  return Readable.from(writeEvents(events), { objectMode: false, highWaterMark: 64 * 1024 });
}

async function* writeEvents(events: AsyncIterable<ServerEvent | typeof KEEP_ALIVE>): AsyncGenerator<string> {
  // The headers go out with it, before the first event.
  yield ': stream\n\n';
  for await (const event of events) yield event === KEEP_ALIVE ? ': alive\n\n' : writeEvent(event);
}

function writeEvent({ event, data, id }: ServerEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
