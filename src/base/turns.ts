import { setImmediate } from 'node:timers/promises';

/** So many members are handed on at once: a fraction of a millisecond, whatever is done with each. */
const AT_ONCE = 100;
/** Nobody who waits for something small waits longer than about this. */
const TURN_MS = 2;

/** A long list in parts, between which others have their turn: nobody who waits for something small waits for all of it. */
export async function* inTurns<T>(list: readonly T[]): AsyncGenerator<readonly T[]> {
  if (list.length <= AT_ONCE) {
    if (list.length > 0) yield list;
    return;
  }
  let begun = performance.now();
  for (let start = 0; start < list.length; start += AT_ONCE) {
    if (performance.now() - begun >= TURN_MS) {
      await setImmediate();
      begun = performance.now();
    }
    yield list.slice(start, start + AT_ONCE);
  }
}
