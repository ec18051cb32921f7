import { createBackoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';

const FIRST_MS = 100;
/** Longest pause while the control plane may only be starting anew. */
const SOON_MS = 2000;
/** After so long it is not: nobody is helped by asking as often. */
const LONG_OUTAGE_MS = 60_000;
/** Longest pause then. With the least one, half of it, it is also how far apart the agents of a fleet come back. */
const LATER_MS = 15_000;

/** How the agent stands with its control plane, which several loops of it call. */
export interface Contact {
  /** One loop that calls. */
  caller(): Caller;
}

export interface Caller {
  /** The control plane has answered: whoever waits to ask it again does so at once. */
  answered(): void;
  /** It has not: resolves when it is time to ask again, or when it has answered another caller. */
  failed(signal: AbortSignal): Promise<void>;
}

export interface ContactOptions {
  clock: Clock;
  /** Source of randomness in [0, 1). */
  random(): number;
}

export function createContact({ clock, random }: ContactOptions): Contact {
  /** Since when nobody has been answered; undefined while somebody is. */
  let lostAt: number | undefined;
  let nap = new AbortController();

  const isLong = () => lostAt !== undefined && clock.now() - lostAt > LONG_OUTAGE_MS;
  return {
    caller() {
      const soon = createBackoff({ initialMs: FIRST_MS, maxMs: SOON_MS, random });
      const later = createBackoff({ initialMs: LATER_MS, maxMs: LATER_MS, random });
      return {
        answered() {
          soon.reset();
          if (lostAt === undefined) return;
          lostAt = undefined;
          nap.abort();
          nap = new AbortController();
        },
        async failed(signal) {
          lostAt ??= clock.now();
          const pause = isLong() ? later.next() : soon.next();
          await clock.sleep(pause, AbortSignal.any([signal, nap.signal]));
        },
      };
    },
  };
}
