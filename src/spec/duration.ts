import { z } from 'zod';
import { formatDuration, parseDuration } from '../base/duration.ts';

/** A duration field between two bounds, both in milliseconds and inclusive. */
export function durationBetween(minMs: number, maxMs: number) {
  return z.string().refine(
    (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= minMs && ms <= maxMs;
    },
    {
      error: `must be a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as 500ms, 5s, 2m or 1h`,
    },
  );
}
