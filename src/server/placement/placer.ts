import type { ServerContext } from '../context.ts';
import { settlePlacement } from './settle.ts';

/** An agent falls silent without telling. */
const PASS_EVERY_MS = 5000;
/** A pass is followed by a rest of so many times its length: with very many machines reports come all the time. */
const REST_FACTOR = 4;

/** Keeps load balancers on the machines that they should have. */
export interface Placer {
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

type Context = Pick<
  ServerContext,
  'store' | 'clock' | 'changes' | 'taken' | 'newId' | 'randomBytes' | 'log' | 'closing'
>;

/** Places whenever something changes that may matter, and every now and then. */
export function startPlacer(context: Context): Placer {
  const { store, clock, changes, log, closing } = context;
  const stopping = new AbortController();
  const over = AbortSignal.any([stopping.signal, closing]);
  const watch = changes.watch('placement');
  const pass = async () => {
    const machineIds = await store.transaction((tx) => settlePlacement(context, tx));
    for (const id of machineIds) changes.notify(`machine:${id}`);
    if (machineIds.length > 0) changes.notify('dns');
  };
  const run = async () => {
    while (!over.aborted) {
      const startedAt = performance.now();
      await pass().catch((error: unknown) => log.error({ err: error }, 'load balancers could not be placed'));
      await clock.sleep((performance.now() - startedAt) * REST_FACTOR, over);
      await watch.next(PASS_EVERY_MS, over);
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
      watch.close();
    },
  };
}
