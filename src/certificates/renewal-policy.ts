const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Certificates that live shorter are renewed at half of their life. */
const SHORT_LIVED_MS = 10 * DAY_MS;
/** By so much of the life many certificates of the same hour are spread. */
const SPREAD = 0.05;

/** A CA that wants every certificate renewed at once would be asked without end. */
const YOUNGEST = 1 / 100;

/** From when to when a certificate is valid, in milliseconds since the epoch. */
export interface Lifetime {
  notBefore: number;
  notAfter: number;
}

/** The window in which the CA would like to be asked (RFC 9773). */
export interface SuggestedWindow {
  start: number;
  end: number;
}

/**
 * When to renew: at a moment of the CA's window if it has told one, else after two thirds of the life, half when it is
 * shorter than ten days.
 * @param dice in [0, 1), drawn once for each certificate and kept: it spreads them over time.
 */
export function renewalDue(life: Lifetime, dice: number, window?: SuggestedWindow): number {
  const whole = life.notAfter - life.notBefore;
  if (window) {
    const wished = window.start + dice * Math.max(0, window.end - window.start);
    return Math.round(Math.max(wished, life.notBefore + whole * YOUNGEST));
  }
  const share = (whole < SHORT_LIVED_MS ? 1 / 2 : 2 / 3) + (dice * 2 - 1) * SPREAD;
  return Math.round(life.notBefore + whole * share);
}

const BACKOFF_MS = [10 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS] as const;
/** How far a delay may be from the table, either way. */
const BACKOFF_SPREAD = 0.1;
/** A certificate of minutes would be over before the first of those delays is. */
const SHARE_OF_LIFE = 1 / 20;
const SHORTEST_MS = 1000;

export interface Failures {
  /** Orders that have failed in a row, this one included. */
  count: number;
  /** When the CA allows the next one; undefined when it has not said. */
  retryAt?: number | undefined;
  /** Life of the certificate in use; undefined when there is none. */
  life?: Lifetime | undefined;
}

/** When to order again after a failed order; never before the CA allows it. */
export function nextOrder({ count, retryAt = 0, life }: Failures, now: number, dice: number): number {
  const wanted = BACKOFF_MS[Math.min(count, BACKOFF_MS.length) - 1] ?? BACKOFF_MS[0];
  const longest = life ? Math.max(SHORTEST_MS, (life.notAfter - life.notBefore) * SHARE_OF_LIFE) : wanted;
  const delay = Math.min(wanted, longest) * (1 + (dice * 2 - 1) * BACKOFF_SPREAD);
  return Math.max(Math.round(now + delay), retryAt);
}

/** With less than this share of its life left, somebody should look at a certificate: it should have been renewed. */
export const WARNING_SHARE = 1 / 4;
/** With less than this, at once. */
export const CRITICAL_SHARE = 1 / 10;

export interface Alert {
  level: 'warning' | 'critical';
  /** Why, in words. */
  message: string;
}

export interface Standing {
  /** Life of the certificate in use; undefined when there is none. */
  life?: Lifetime | undefined;
  /** When it is to be renewed. */
  dueAt?: number | undefined;
  /** Orders that have failed in a row. */
  failures: number;
  /** That its CA has taken it back; undefined while it has not said so. */
  revocation?: object | undefined;
}

/** Whether somebody has to be told: by parts of the life, as certificates of six and of ninety days differ. */
export function alertOf({ life, dueAt, failures, revocation }: Standing, now: number): Alert | undefined {
  if (life) {
    const whole = life.notAfter - life.notBefore;
    const left = life.notAfter - now;
    if (left <= 0) return { level: 'critical', message: `expired ${span(-left)} ago` };
    if (revocation)
      return { level: 'critical', message: 'its CA has revoked it: clients that look refuse it' };
    if (left < whole * CRITICAL_SHARE)
      return { level: 'critical', message: `expires in ${span(left)}, less than a tenth of its life` };
    if (left < whole * WARNING_SHARE)
      return { level: 'warning', message: `expires in ${span(left)}, less than a quarter of its life` };
    if (dueAt !== undefined && now - dueAt > whole / 12)
      return { level: 'warning', message: `should have been renewed ${span(now - dueAt)} ago` };
  }
  if (failures >= 3) return { level: 'warning', message: `${failures} orders have failed in a row` };
  return undefined;
}

/** A span of time in its largest unit: `3 days`. */
export function span(ms: number): string {
  for (const [size, unit] of [
    [DAY_MS, 'day'],
    [HOUR_MS, 'hour'],
    [MINUTE_MS, 'minute'],
    [1000, 'second'],
  ] as const) {
    const count = Math.floor(ms / size);
    if (count >= 1) return `${count} ${unit}${count === 1 ? '' : 's'}`;
  }
  return 'less than a second';
}
