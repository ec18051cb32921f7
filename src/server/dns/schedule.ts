import type { DnsRecordState } from '../../store/dns-records.ts';

/** How often what is right is looked at again: somebody may have changed it. */
const RECHECK_MS = 5 * 60_000;
const SOONEST_MS = 2000;
const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 5 * 60_000;
/** What has been so for an hour need not be asked for as often as what was told a minute ago. */
const SHARE_OF_AGE = 0.1;

/**
 * How long to wait before records are looked at again. What somebody has to do by hand is noticed within a tenth of the
 * time that it took. Failures are tried again later and later, with jitter.
 */
export function nextLook(
  state: DnsRecordState,
  { ageMs, attempts }: { ageMs: number; attempts: number },
  random: () => number,
): number {
  const jitter = 0.75 + random() / 4;
  if (attempts > 0) return jitter * Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 20));
  if (state === 'present') return jitter * RECHECK_MS;
  return jitter * Math.min(RECHECK_MS, Math.max(SOONEST_MS, ageMs * SHARE_OF_AGE));
}
