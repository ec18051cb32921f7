import { createNewest } from './newest.ts';
import { type Unshared, unshared } from './unshared.ts';

/** Lists that follow one another and have most members in common, each by its place. */
export interface FollowedLists<T> {
  /** What is new in a list next to the last one that was noted at its place under the same conditions: all, if there is none. */
  news(place: string, conditions: string, list: readonly T[]): Unshared<T>;
  /** Notes a list as the one that the next one follows. */
  note(place: string, conditions: string, list: readonly T[]): void;
}

export function createFollowedLists<T>(maxPlaces: number): FollowedLists<T> {
  const last = createNewest<{ conditions: string; list: readonly T[] }>(maxPlaces);
  return {
    news(place, conditions, list) {
      const known = last.get(place);
      return unshared(known?.conditions === conditions ? known.list : [], list);
    },
    note(place, conditions, list) {
      last.keep(place, { conditions, list });
    },
  };
}
