import { AppError, messageOf } from '../../../base/errors.ts';
import { printable } from '../../../base/printable.ts';
import type { Finding } from '../../../certificates/reason.ts';

/**
 * Makes the TXT records by which names are proved. Several values may stand at one name at the same time: a domain and
 * its wildcard are proved at the same one.
 */
export interface ChallengePublisher {
  /**
   * Adds a value, and resolves when the zone has it. Adding what is there already is no fault.
   * @param name such as `_acme-challenge.app.example.com`
   */
  publish(name: string, value: string): Promise<void>;
  /**
   * Takes a value away, and leaves all others. Taking away what is not there is no fault; that there is no zone for the name
   * is, and that its provider refuses.
   */
  remove(name: string, value: string): Promise<void>;
}

/** The finding of what a publisher has thrown. */
export function publishingFault(error: unknown): Finding {
  const isWithoutZone = error instanceof AppError && error.code === 'not_found';
  return {
    code: isWithoutZone ? 'no_dns_zone' : 'txt_not_published',
    detail: isWithoutZone ? '' : printable(messageOf(error), 300),
  };
}
