import type { Finding } from './reason.ts';
import { isoTime } from './iso-time.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** At most so many in any span of that length. */
interface Limit {
  max: number;
  windowMs: number;
}

/** How often a CA may be asked. */
export interface Limits {
  /** Certificates of the same name. */
  issued: Limit;
  /** Failed proofs of one name. */
  failed: Limit;
  /** Orders of the same name. */
  ordersOfName: Limit;
  /** Orders of one account. */
  ordersOfAccount: Limit;
}

/**
 * Below what Let's Encrypt allows (5 a week of the same names, 5 failed proofs an hour, 300 orders in 3 hours), so that
 * a restored backup or a hand on the command line has something left.
 */
export const PUBLIC_CA_LIMITS: Limits = {
  issued: { max: 4, windowMs: 7 * DAY_MS },
  failed: { max: 4, windowMs: HOUR_MS },
  ordersOfName: { max: 6, windowMs: DAY_MS },
  ordersOfAccount: { max: 250, windowMs: 3 * HOUR_MS },
};

/** Moments (milliseconds since the epoch) of what was asked of a CA. */
export interface Spent {
  /** Orders of the name. */
  orders: readonly number[];
  /** Certificates of the name. */
  issued: readonly number[];
  /** Failed proofs of the name. */
  failed: readonly number[];
}

/**
 * Why the CA must not be asked for a name now; undefined when it may.
 * @param nodes of the load balancer: each obtains certificates of its own, and the CA counts those of all
 */
export function judgeBudget(
  spent: Spent,
  accountOrders: readonly number[],
  limits: Limits,
  { now, nodes = 1 }: { now: number; nodes?: number },
): Finding | undefined {
  const used = [
    { what: 'certificates', moments: spent.issued, limit: limits.issued },
    { what: 'failed proofs', moments: spent.failed, limit: limits.failed },
    { what: 'orders', moments: spent.orders, limit: limits.ordersOfName },
    { what: 'orders of all names', moments: accountOrders, limit: limits.ordersOfAccount },
  ];
  const spentUp = used.flatMap(({ what, moments, limit }) => {
    const recent = moments.filter((at) => at > now - limit.windowMs).sort((a, b) => a - b);
    const share = Math.max(1, Math.floor(limit.max / nodes));
    if (recent.length < share) return [];
    const retryAt = (recent[recent.length - share] ?? now) + limit.windowMs;
    return [{ retryAt, text: `${recent.length} ${what} in ${limit.windowMs / HOUR_MS} hours` }];
  });
  const longest = spentUp.sort((a, b) => b.retryAt - a.retryAt)[0];
  if (!longest) return undefined;
  const { retryAt, text } = longest;
  return { code: 'budget_spent', detail: `${text}; next at ${isoTime(retryAt)}`, retryAt };
}

/** Forgets what no limit asks for any more. */
export function recentMoments(moments: readonly number[], now: number): number[] {
  return moments.filter((at) => at > now - 7 * DAY_MS).slice(-1000);
}
