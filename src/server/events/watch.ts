import { messageOf } from '../../base/errors.ts';
import { createCertificateWatch } from '../certificates/tell-alerts.ts';
import type { ServerContext } from '../context.ts';
import { CONNECTED_MS } from '../status/nodes.ts';
import { tellOffline } from './machines.ts';

const LOOK_EVERY_MS = 10_000;
/** A look is followed by a rest of so many times its length: with very many certificates it takes its time. */
const REST_FACTOR = 9;

/** Tells what nobody reports, because it is the passing of time. */
export interface Watch {
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

type Context = Pick<ServerContext, 'store' | 'clock' | 'log' | 'closing'>;

/** Looks every now and then for agents that have fallen silent and for certificates that near their end. */
export function startWatch({ store, clock, log, closing }: Context): Watch {
  const stopping = new AbortController();
  const over = AbortSignal.any([stopping.signal, closing]);
  const startedAt = clock.now();
  const certificates = createCertificateWatch();
  const look = async (): Promise<void> => {
    const now = clock.now();
    // Agents may have been silent because there was nobody to tell.
    const isListening = now - startedAt > CONNECTED_MS;
    if (isListening) await store.transaction((tx) => tellOffline(tx, now));
    await store.transaction((tx) => certificates.look(tx, now));
  };
  const run = async () => {
    while (!over.aborted) {
      const begun = performance.now();
      await look().catch((error: unknown) =>
        log.error({ err: error }, `what time brings could not be told: ${messageOf(error)}`),
      );
      await clock.sleep(Math.max(LOOK_EVERY_MS, (performance.now() - begun) * REST_FACTOR), over);
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
