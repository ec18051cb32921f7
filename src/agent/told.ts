import type { LoadBalancerReport } from '../api/agent.ts';

type Status = LoadBalancerReport['backends'][number];

/** Up to so many backends a report tells them all: that is cheaper than finding out what is new. */
const FEW_BACKENDS = 200;
/** How often all of many backends are told though nothing is new: reasons and durations change all the time. */
const ALL_AGAIN_MS = 60_000;
/** Finding out how many backends are costs time that grows with them; it may take a twentieth of a core. */
const SHARE = 20;

/** What the control plane has been told of the backends, so that a report holds only what is new. */
export interface Told {
  /**
   * What to tell now.
   * @param read reads how all backends are; it is not called while it is too early.
   * @param isFresh that the control plane may know nothing.
   * @returns undefined when nothing is to be told of backends yet; then something is due later.
   */
  next(count: number, now: number, read: () => Status[], isFresh: boolean): News;
  /** Whether something was left untold that may be told now. */
  isDue(now: number): boolean;
}

export interface News {
  backends: Status[];
  /** Whether these are only those that are new. */
  partial: boolean;
}

export function createTold(elapsed: () => number): Told {
  let last = new Map<string, Status>();
  let allAt = Number.NEGATIVE_INFINITY;
  let notBefore = 0;
  let isOwed = false;
  return {
    next(count, now, read, isFresh) {
      if (count <= FEW_BACKENDS) return { backends: read(), partial: false };
      if (!isFresh && now < notBefore) {
        isOwed = true;
        return { backends: [], partial: true };
      }
      isOwed = false;
      const begun = elapsed();
      const all = read();
      const isAll = isFresh || now - allAt >= ALL_AGAIN_MS;
      const news = isAll ? all : all.filter((status) => isNews(last.get(keyOf(status)), status));
      last = new Map(all.map((status) => [keyOf(status), status]));
      if (isAll) allAt = now;
      notBefore = now + (elapsed() - begun) * SHARE;
      return { backends: news, partial: !isAll };
    },
    isDue: (now) => isOwed && now >= notBefore,
  };
}

function keyOf({ pool, target }: Status): string {
  return `${pool} ${target}`;
}

/** How long the last check of a backend that is up took is no news. */
function isNews(before: Status | undefined, after: Status): boolean {
  if (before?.state !== after.state || before.address !== after.address) return true;
  if (after.state === 'up') return false;
  if (before.evidence?.probe === undefined && after.evidence?.probe !== undefined) return true;
  return before.reason !== after.reason || before.sessions !== after.sessions;
}
