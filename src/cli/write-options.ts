import { parseDuration } from '../base/duration.ts';
import { MAX_GUARD_MS, MIN_GUARD_MS } from '../spec/guard.ts';
import type { OptionValues, Options } from './command.ts';
import { usageError } from './failure.ts';

/** Flags of commands that make or delete a load balancer: there is nothing that a guard could bring back. */
export const UNGUARDED_WRITE_OPTIONS = {
  dryRun: { summary: 'Show the plan and the differences, and change nothing' },
  wait: { negatable: true, summary: 'Wait until the change is live (the default)' },
  timeout: { value: 'DURATION', summary: 'How long to wait, such as 30s or 5m', default: '60s' },
} as const satisfies Options;

/** Flags of every command that changes a load balancer. */
export const WRITE_OPTIONS = {
  ...UNGUARDED_WRITE_OPTIONS,
  guard: {
    value: 'DURATION',
    summary:
      'Watch the change for so long (5s to 1h), and restore what was before if it makes anything worse',
  },
} as const satisfies Options;

export type WriteOptions = OptionValues<typeof UNGUARDED_WRITE_OPTIONS> & { guard?: string | undefined };

/** Milliseconds of `--guard`; undefined without it. */
export function guardMs({ guard, dryRun }: WriteOptions): number | undefined {
  if (guard === undefined) return undefined;
  const hint = 'agentmetal lb update web-lb --algorithm leastconn --guard 30s';
  if (dryRun) throw usageError('--guard watches a change, and --dry-run makes none: give one of them', hint);
  const ms = parseDuration(guard);
  if (ms !== undefined && ms >= MIN_GUARD_MS && ms <= MAX_GUARD_MS) return ms;
  throw usageError(`--guard ${JSON.stringify(guard)} is not a duration from 5s to 1h`, hint);
}

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
