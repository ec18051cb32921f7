import { markKeyUsed } from '../../store/keys.ts';
import { type ServerContext, timestamp } from '../context.ts';
import type { Identity } from './handler.ts';

const MINUTE_MS = 60_000;

/** Notes when a key was last used, at most once a minute, after the answer is out. */
export function createKeyUsage(context: ServerContext): (identity: Identity | undefined) => Promise<void> {
  const minutes = new Map<string, number>();
  return async (identity) => {
    if (identity?.kind !== 'key') return;
    const minute = Math.floor(context.clock.now() / MINUTE_MS);
    if (minutes.get(identity.id) === minute) return;
    minutes.set(identity.id, minute);
    try {
      await context.store.transaction((tx) => markKeyUsed(tx, identity.id, timestamp(context)));
    } catch (error) {
      // It is only a note for people: a full disk must not turn reads into failures.
      context.log.warn({ err: error }, 'the last use of a key could not be noted');
    }
  };
}
