import { messageOf, systemCode } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import type { Finding, ReasonCode } from '../../certificates/reason.ts';

/** Thrown by whatever finds out why a certificate cannot be obtained now. */
export class FindingError extends Error {
  override readonly name = 'FindingError';
  readonly finding: Finding;

  constructor(finding: Finding, options?: ErrorOptions) {
    super(`${finding.code}: ${finding.detail}`, options);
    this.finding = finding;
  }
}

const MACHINE_CODES: Readonly<Record<string, ReasonCode>> = {
  ENOSPC: 'disk_full',
  EDQUOT: 'disk_full',
  EACCES: 'not_writable',
  EPERM: 'not_writable',
  EROFS: 'not_writable',
};

/** The finding of whatever was thrown: what the file system refuses is a reason like any other. */
export function findingOf(error: unknown): Finding {
  if (error instanceof FindingError) return error.finding;
  const code = MACHINE_CODES[systemCode(error) ?? ''] ?? 'certbot_failed';
  return { code, detail: printable(messageOf(error), 300) };
}
