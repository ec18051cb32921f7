import { systemCode } from '../../base/errors.ts';

export type ApplyErrorCode =
  | 'haproxy_missing'
  | 'config_rejected'
  | 'address_in_use'
  | 'address_unavailable'
  | 'port_not_permitted'
  | 'disk_full'
  | 'start_failed'
  | 'reload_failed'
  | 'verification_failed'
  | 'internal';

/** Why a revision could not be brought to HAProxy; it goes into the receipt. */
export class ApplyError extends Error {
  override readonly name = 'ApplyError';
  readonly code: ApplyErrorCode;
  readonly hint: string | undefined;

  constructor(code: ApplyErrorCode, detail: string, hint?: string, cause?: unknown) {
    super(detail, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** Gives whatever was thrown while applying the words that an operator needs. */
export function toApplyError(error: unknown): ApplyError {
  if (error instanceof ApplyError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')) {
    return new ApplyError(
      'disk_full',
      `the disk of the load balancer machine is full: ${message}`,
      'Free some space; the agent tries again by itself.',
      error,
    );
  }
  return new ApplyError('internal', message, undefined, error);
}
