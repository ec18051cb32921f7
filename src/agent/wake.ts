/** A bell: whoever waits goes on when it rings, or when the time is over. A ring while nobody waits is kept. */
export interface Wake {
  ring(): void;
  /** Resolves on the next ring, at once for a kept one, or after `ms`. */
  wait(ms: number): Promise<void>;
}

export function createWake(): Wake {
  let rung = false;
  let release: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      release?.();
    },
    wait(ms) {
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          release = undefined;
          rung = false;
          resolve();
        };
        const timer = setTimeout(done, rung ? 0 : ms);
        if (rung) return;
        release = done;
      });
    },
  };
}
