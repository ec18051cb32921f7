/** A look costs something, as a program that is started or a login on a machine: the longer it takes anyway, the fewer there are. */
const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 100;
const PAUSE_SHARE = 0.02;

/** Looks until a condition holds. A test that waits for what never comes fails with what was seen last. */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 15_000,
): Promise<T> {
  const begun = performance.now();
  const deadline = begun + timeoutMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      lastError = error;
    }
    const pauseMs = FIRST_PAUSE_MS + (performance.now() - begun) * PAUSE_SHARE;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, LAST_PAUSE_MS)));
  }
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause: lastError });
}
