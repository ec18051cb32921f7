/** What is left of two lists when their common beginning and end are taken away. */
export interface Unshared<T> {
  before: readonly T[];
  after: readonly T[];
  /** How many members the common beginning has. */
  start: number;
}

/** Takes the common beginning and end of two lists away: members that are the very same. */
export function unshared<T>(before: readonly T[], after: readonly T[]): Unshared<T> {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return {
    before: before.slice(start, before.length - end),
    after: after.slice(start, after.length - end),
    start,
  };
}
