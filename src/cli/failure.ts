import { AppError, ERROR_CODES, type FieldError } from '../base/errors.ts';

/** Exit codes that are no error code's own (design 3.5). */
export const EXIT = { done: 0, failed: 1, usage: 2, waitTimedOut: 7, degraded: 8, interrupted: 130 } as const;

export interface FailureOptions {
  hint?: string;
  errors?: readonly FieldError[];
}

/** Ends a command with an exit code and words for the user. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly exit: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly errors: readonly FieldError[];

  constructor(exit: number, code: string, detail: string, options: FailureOptions = {}) {
    super(detail);
    this.exit = exit;
    this.code = code;
    this.hint = options.hint;
    this.errors = options.errors ?? [];
  }
}

/** The command line itself is wrong. */
export function usageError(detail: string, hint?: string): CliFailure {
  return new CliFailure(EXIT.usage, 'usage', detail, hint === undefined ? {} : { hint });
}

/** The user pressed Ctrl-C. */
export function interruption(hint?: string): CliFailure {
  return new CliFailure(EXIT.interrupted, 'interrupted', 'interrupted', hint === undefined ? {} : { hint });
}

/** What the process leaves with for whatever was thrown. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CliFailure) return error.exit;
  return error instanceof AppError ? ERROR_CODES[error.code].exit : EXIT.failed;
}
