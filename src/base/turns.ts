import { setImmediate } from 'node:timers/promises';

/** So many members of a long list take some milliseconds, whatever is done with each. */
const AT_ONCE = 500;

/** A long list in parts, between which others have their turn: nobody who waits for something small waits for all of it. */
export async function* inTurns<T>(list: readonly T[]): AsyncGenerator<readonly T[]> {
  for (let start = 0; start < list.length; start += AT_ONCE) {
    if (start > 0) await setImmediate();
    yield list.length <= AT_ONCE ? list : list.slice(start, start + AT_ONCE);
  }
}
