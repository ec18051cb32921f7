import { parseDuration } from '../base/duration.ts';
import type { OptionValues, Options } from './command.ts';
import { usageError } from './failure.ts';

/** Flags of every command that changes a load balancer. */
export const WRITE_OPTIONS = {
  dryRun: { summary: 'Show the plan and the differences, and change nothing' },
  wait: { negatable: true, summary: 'Wait until the change is live (the default)' },
  timeout: { value: 'DURATION', summary: 'How long to wait, such as 30s or 5m', default: '60s' },
} as const satisfies Options;

export type WriteOptions = OptionValues<typeof WRITE_OPTIONS>;

/** Milliseconds of `--timeout`. */
export function timeoutMs({ timeout }: Pick<WriteOptions, 'timeout'>): number {
  const ms = parseDuration(timeout);
  if (ms === undefined)
    throw usageError(
      `--timeout ${JSON.stringify(timeout)} is not a duration`,
      'Write it as 30s, 5m or 500ms',
    );
  return ms;
}
