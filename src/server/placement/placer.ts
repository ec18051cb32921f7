import type { ServerContext } from '../context.ts';
import { type Loop, startLoop } from '../loop.ts';
import { settlePlacement } from './settle.ts';

/** An agent falls silent without telling. */
const PASS_EVERY_MS = 5000;
/** A pass is followed by a rest of so many times its length: with very many machines reports come all the time. */
const REST_FACTOR = 4;

type Context = Pick<
  ServerContext,
  'store' | 'clock' | 'changes' | 'taken' | 'newId' | 'randomBytes' | 'log' | 'closing'
>;

/** Places whenever something changes that may matter, and every now and then. */
export function startPlacer(context: Context): Loop {
  const { store, clock, changes, log, closing } = context;
  const watch = changes.watch('placement');
  const pass = async () => {
    const machineIds = await store.transaction((tx) => settlePlacement(context, tx));
    for (const id of machineIds) changes.notify(`machine:${id}`);
    if (machineIds.length > 0) changes.notify('dns');
  };
  const loop = startLoop(closing, async (over) => {
    const startedAt = performance.now();
    await pass().catch((error: unknown) => log.error({ err: error }, 'load balancers could not be placed'));
    await clock.sleep((performance.now() - startedAt) * REST_FACTOR, over);
    await watch.next(PASS_EVERY_MS, over);
  });
  return { stop: () => loop.stop().then(() => watch.close()) };
}
