import { messageOf } from '../../base/errors.ts';
import { createCertificateWatch } from '../certificates/tell-alerts.ts';
import type { ServerContext } from '../context.ts';
import { type Loop, startLoop } from '../loop.ts';
import { CONNECTED_MS } from '../status/nodes.ts';
import { tellOffline } from './machines.ts';

const LOOK_EVERY_MS = 10_000;
/** A look is followed by a rest of so many times its length: with very many certificates it takes its time. */
const REST_FACTOR = 9;

type Context = Pick<ServerContext, 'store' | 'clock' | 'log' | 'closing'>;

/** Looks every now and then for agents that have fallen silent and for certificates that near their end. */
export function startWatch({ store, clock, log, closing }: Context): Loop {
  const startedAt = clock.now();
  const certificates = createCertificateWatch();
  const look = async (): Promise<void> => {
    const now = clock.now();
    // Agents may have been silent because there was nobody to tell.
    const isListening = now - startedAt > CONNECTED_MS;
    if (isListening) await store.transaction((tx) => tellOffline(tx, now));
    const heardSince = isListening ? 0 : startedAt;
    await store.transaction((tx) => certificates.look(tx, now, heardSince));
  };
  return startLoop(closing, async (over) => {
    const begun = performance.now();
    await look().catch((error: unknown) =>
      log.error({ err: error }, `what time brings could not be told: ${messageOf(error)}`),
    );
    await clock.sleep(Math.max(LOOK_EVERY_MS, (performance.now() - begun) * REST_FACTOR), over);
  });
}
