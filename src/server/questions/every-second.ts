import type { ServerContext } from '../context.ts';
import type { ServerEvent } from '../http/event-stream.ts';
import { problemEvent } from './problem-event.ts';

const PERIOD_MS = 1000;

export interface Watched<T> {
  event: string;
  /** What was seen already. */
  first: T;
  look(): Promise<T>;
  /** Aborted when nobody watches any more. */
  signal: AbortSignal;
}

/** Looks once a second until nobody watches. A look that fails is told, and the next one tries again. */
export async function* everySecond<T>(
  { clock, closing }: ServerContext,
  { event, first, look, signal }: Watched<T>,
): AsyncGenerator<ServerEvent> {
  const over = AbortSignal.any([signal, closing]);
  yield { event, data: first };
  for (;;) {
    await clock.sleep(PERIOD_MS, over);
    if (over.aborted) return;
    try {
      yield { event, data: await look() };
    } catch (error) {
      if (over.aborted) return;
      yield problemEvent(error);
    }
  }
}
