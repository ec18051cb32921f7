import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';

/** A stream of log lines may bring thousands in a second; the store is not asked for each. */
const ASK_EVERY_MS = 1000;

/**
 * Passes a stream on for as long as its caller may have it: a key that is revoked ends it before the next event, or the next sign
 * of life.
 */
export async function* whileAuthorized<T>(
  events: AsyncIterable<T>,
  authorize: () => Promise<unknown>,
  clock: Pick<Clock, 'now'>,
): AsyncGenerator<T> {
  let askedAt = clock.now();
  for await (const event of events) {
    if (clock.now() - askedAt >= ASK_EVERY_MS) {
      if (!(await isAuthorized(authorize))) return;
      askedAt = clock.now();
    }
    yield event;
  }
}

async function isAuthorized(authorize: () => Promise<unknown>): Promise<boolean> {
  try {
    await authorize();
    return true;
  } catch (error) {
    if (error instanceof AppError && ['unauthenticated', 'forbidden'].includes(error.code)) return false;
    throw error;
  }
}
