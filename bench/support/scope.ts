type Stop = () => Promise<void>;

/** Keeps track of what was started, so that nothing is left running, whichever way a run ends. */
export interface Scope {
  /** Starts something and remembers how it is stopped, even if the run is ended while it is still starting. */
  use<T>(start: () => Promise<T>, stop: (started: T) => Promise<void>): Promise<T>;
  /** Stops everything, the newest first. */
  end(): Promise<void>;
}

export function createScope(): Scope {
  const stops: Stop[] = [];
  return {
    use(start, stop) {
      const started = start();
      stops.push(async () => {
        const what = await started.catch(() => undefined);
        if (what !== undefined) await stop(what);
      });
      return started;
    },
    async end() {
      for (let stop = stops.pop(); stop; stop = stops.pop()) {
        await stop().catch((error: unknown) => console.error('could not be stopped:', error));
      }
    },
  };
}
