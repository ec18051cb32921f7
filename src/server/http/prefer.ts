import type { IncomingHttpHeaders } from 'node:http';

const MAX_WAIT_S = 60;

/** Seconds of `Prefer: wait=N` (RFC 7240), at most 60; `undefined` when there is no such preference. */
export function preferredWait(headers: IncomingHttpHeaders): number | undefined {
  const header = headers['prefer'];
  // RFC 7240, section 2: what is not understood is ignored.
  for (const preference of [header ?? []].flat().join(',').split(/[,;]/)) {
    const seconds = /^\s*wait\s*=\s*"?(\d{1,6})"?\s*$/i.exec(preference)?.[1];
    if (seconds !== undefined) return Math.min(MAX_WAIT_S, Number(seconds));
  }
  return undefined;
}
