import type { RateLimitKey, RateLimitUse } from '../../../api/rate-limits.ts';

/**
 * How limits are used, by what several nodes tell. Each node counts what passes through it and hears from all others what
 * passes there, so each tells the whole; the highest count is the newest news. Pure.
 */
export function mergeLimits(answers: readonly (readonly RateLimitUse[])[], keys: number): RateLimitUse[] {
  return [...Map.groupBy(answers.flat(), ({ name }) => name)].map(([, told]) => {
    const merged = mergeKeys(told.flatMap((use) => use.keys));
    const [first] = told as [RateLimitUse];
    return {
      ...first,
      clients: Math.max(...told.map(({ clients }) => clients), merged.length),
      isComplete: told.every(({ isComplete }) => isComplete),
      keys: merged.slice(0, keys),
    };
  });
}

function mergeKeys(rows: readonly RateLimitKey[]): RateLimitKey[] {
  const merged = [...Map.groupBy(rows, ({ key }) => key)].map(([key, told]) => {
    const most = (of: (row: RateLimitKey) => number) => Math.max(...told.map(of));
    return {
      key,
      admitted: most((row) => row.admitted),
      denied: most((row) => row.denied),
      admittedTotal: most((row) => row.admittedTotal),
      deniedTotal: most((row) => row.deniedTotal),
    };
  });
  return merged.toSorted((left, right) => right.denied - left.denied || right.admitted - left.admitted);
}
