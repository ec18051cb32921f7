/** What the control plane does again and again. */
export interface Loop {
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

/**
 * Does one turn after the other until it is stopped or the control plane closes.
 * @param turn does what there is to do and rests, no longer than until the signal; it deals with its faults itself.
 */
export function startLoop(closing: AbortSignal, turn: (over: AbortSignal) => Promise<void>): Loop {
  const stopping = new AbortController();
  const over = AbortSignal.any([stopping.signal, closing]);
  const run = async () => {
    while (!over.aborted) await turn(over);
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
