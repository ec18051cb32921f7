import type { LoadBalancerReport } from '../api/agent.ts';
import { unshared } from '../base/unshared.ts';

type Status = LoadBalancerReport['backends'][number];

/** Up to so many backends a report tells them all: that is cheaper than finding out what is new. */
const FEW_BACKENDS = 200;
/** So many backends are told with a report of which nothing is new but the words: how long a check took, say. */
const MAX_STALE = 200;
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
  /** What was told last of each backend. */
  let last = new Map<string, Status>();
  let isTold = new WeakSet<Status>();
  /** All that was looked at last, and whether some of it was left for later. */
  let looked: readonly Status[] = [];
  let isSomeLeft = false;
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
      const isAll = isFresh || last.size === 0;
      // Those that are gone would be remembered for ever.
      if (isAll || last.size > 2 * all.length) {
        last = new Map();
        isTold = new WeakSet();
      }
      const differing = isAll || isSomeLeft ? all : unshared(looked, all).after;
      const untold = isAll ? all : differing.filter((status) => !isTold.has(status));
      const isNew = (status: Status) => isNews(last.get(keyOf(status)), status);
      const [news, stale] = isAll ? [all, []] : partition(untold, isNew);
      const backends = isAll ? news : [...news, ...stale.slice(0, MAX_STALE)];
      looked = all;
      isSomeLeft = stale.length > MAX_STALE;
      for (const status of backends) {
        last.set(keyOf(status), status);
        isTold.add(status);
      }
      notBefore = now + (elapsed() - begun) * SHARE;
      return { backends, partial: !isAll };
    },
    isDue: (now) => isOwed && now >= notBefore,
  };
}

function partition<T>(list: readonly T[], isFirst: (member: T) => boolean): [T[], T[]] {
  const parts: [T[], T[]] = [[], []];
  for (const member of list) parts[isFirst(member) ? 0 : 1].push(member);
  return parts;
}

function keyOf({ pool, target }: Status): string {
  return `${pool} ${target}`;
}

/** How long the last check of a backend that is up took is no news. */
function isNews(before: Status | undefined, after: Status): boolean {
  if (before?.state !== after.state || before.address !== after.address) return true;
  if (before.rechecking !== after.rechecking) return true;
  if (after.state === 'up') return false;
  if (before.evidence?.probe === undefined && after.evidence?.probe !== undefined) return true;
  return before.reason !== after.reason || before.sessions !== after.sessions;
}
