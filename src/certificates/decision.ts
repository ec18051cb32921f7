/** What is known of a name when it is decided what to do. */
export interface Situation {
  /** Whether there is a certificate that can be used or has been. */
  hasCertificate: boolean;
  /** When it is to be renewed; undefined without a certificate. */
  dueAt?: number | undefined;
  autoRenew: boolean;
  /** Somebody wants a new one now. */
  isAsked: boolean;
  /** No order before. */
  waitUntil: number;
}

export type Decision =
  | { kind: 'order' }
  /** To be decided again then; without a time, when something changes. */
  | { kind: 'wait'; until?: number };

/** Whether a certificate is to be ordered now. */
export function decide(
  { hasCertificate, dueAt, autoRenew, isAsked, waitUntil }: Situation,
  now: number,
): Decision {
  if (hasCertificate && !isAsked) {
    if (!autoRenew) return { kind: 'wait' };
    if (dueAt !== undefined && dueAt > now) return { kind: 'wait', until: dueAt };
  }
  return waitUntil > now ? { kind: 'wait', until: waitUntil } : { kind: 'order' };
}

const FIRST_HOLD_MS = 1000;
const LONGEST_HOLD_MS = 60_000;

/** When to look again at what keeps the CA from being asked. Looking costs the CA nothing, so it is done often. */
export function nextHold(holds: number, retryAt: number | undefined, now: number): number {
  const delay = Math.min(LONGEST_HOLD_MS, FIRST_HOLD_MS * 2 ** Math.min(holds, 16));
  return Math.max(now + delay, retryAt ?? 0);
}
