/** A bell: whoever waits goes on when it rings, or when the time is over. A ring while nobody waits is kept. */
export interface Wake {
  ring(): void;
  /** Resolves to true on the next ring, at once for a kept one, and to false after `ms`. */
  wait(ms: number): Promise<boolean>;
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
          resolve(rung);
          rung = false;
        };
        const timer = setTimeout(done, rung ? 0 : ms);
        if (rung) return;
        release = done;
      });
    },
  };
}
