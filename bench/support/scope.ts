type Stop = () => Promise<void>;

/** Keeps track of what was started, so that nothing is left running, whichever way a run ends. */
export interface Scope {
  /** Starts something and remembers how it is stopped, even if the run is ended while it is still starting. */
  use<T>(start: () => Promise<T>, stop: (started: T) => Promise<void>): Promise<T>;
  /** Does what must not be cut off in the middle: everything is stopped after it. */
  finish(action: () => Promise<void>): Promise<void>;
  /** Stops everything, the newest first. Nothing can be started any more. */
  end(): Promise<void>;
  readonly hasEnded: boolean;
}

export function createScope(): Scope {
  const stops: Stop[] = [];
  let ending: Promise<void> | undefined;
  const scope: Scope = {
    async use(start, stop) {
      if (ending) throw new Error('the run has ended');
      const started = start();
      stops.push(async () => {
        const what = await started.catch(() => undefined);
        if (what !== undefined) await stop(what);
      });
      return started;
    },
    async finish(action) {
      await scope.use(action, () => Promise.resolve());
    },
    end() {
      ending ??= stopAll(stops);
      return ending;
    },
    get hasEnded() {
      return ending !== undefined;
    },
  };
  return scope;
}

async function stopAll(stops: Stop[]): Promise<void> {
  for (let stop = stops.pop(); stop; stop = stops.pop()) {
    await stop().catch((error: unknown) => console.error('could not be stopped:', error));
  }
}
