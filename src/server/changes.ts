import type { Clock } from '../base/clock.ts';

/**
 * What may change: what a machine should serve, how far it has come, what is known of a load balancer's nodes, which DNS records
 * there should be, what has happened, which machines load balancers may have, and which machines are to be made ready.
 */
export type Topic =
  | `machine:${string}`
  | `taken:${string}`
  | `nodes:${string}`
  | 'dns'
  | 'events'
  | 'placement'
  | 'machines';

/** Wakes those who wait, in this process. It only makes them look; what is in the store is what counts. */
export interface Changes {
  notify(topic: Topic): void;
  /** Notes every change from now on, so that none is lost between a look and a wait. */
  watch(topic: Topic): Watch;
}

export interface Watch {
  /** Resolves with true when something has changed since the last call, with false when the time is over. */
  next(ms: number, signal: AbortSignal): Promise<boolean>;
  close(): void;
}

export function createChanges(clock: Clock): Changes {
  const watchers = new Map<Topic, Set<() => void>>();
  return {
    notify(topic) {
      for (const wake of watchers.get(topic) ?? []) wake();
    },
    watch(topic) {
      const { watch, wake } = createWatch(clock, () => {
        const set = watchers.get(topic);
        set?.delete(wake);
        if (set?.size === 0) watchers.delete(topic);
      });
      watchers.set(topic, (watchers.get(topic) ?? new Set()).add(wake));
      return watch;
    },
  };
}

function createWatch(clock: Clock, close: () => void): { watch: Watch; wake: () => void } {
  let changed = false;
  let sleeping: AbortController | undefined;
  const wake = () => {
    changed = true;
    sleeping?.abort();
  };
  const watch: Watch = {
    async next(ms, signal) {
      if (!changed && ms > 0) {
        sleeping = new AbortController();
        await clock.sleep(ms, AbortSignal.any([sleeping.signal, signal]));
        sleeping = undefined;
      }
      const result = changed;
      changed = false;
      return result;
    },
    close,
  };
  return { watch, wake };
}

export interface WaitOptions {
  clock: Clock;
  ms: number;
  signal: AbortSignal;
}

/** Looks, and looks again after every change, until `done` says yes or the time is over. */
export async function waitUntil(
  watch: Watch,
  done: () => Promise<boolean>,
  { clock, ms, signal }: WaitOptions,
): Promise<boolean> {
  const deadline = clock.now() + ms;
  try {
    while (!(await done())) {
      const left = deadline - clock.now();
      if (left <= 0 || signal.aborted) return false;
      if (!(await watch.next(left, signal))) return done();
    }
    return true;
  } finally {
    watch.close();
  }
}
