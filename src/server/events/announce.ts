import { hasToldEvents } from '../../store/events.ts';
import type { Store, Tx } from '../../store/open.ts';
import type { Changes } from '../changes.ts';

/** The store, with those woken who follow events when a transaction that told some is committed. */
export function announceEvents(store: Store, changes: Changes): Store {
  return {
    close: store.close,
    async transaction(work) {
      let used: Tx | undefined;
      const result = await store.transaction((tx) => {
        used = tx;
        return work(tx);
      });
      if (used && hasToldEvents(used)) changes.notify('events');
      return result;
    },
  };
}
