import { AppError } from '../../base/errors.ts';
import type { ServerEvent } from '../http/event-stream.ts';
import { callerError, problemOf } from '../http/problem.ts';

/** A fault in the middle of a stream, which the status can no longer tell. */
export function problemEvent(error: unknown): ServerEvent {
  const shown = callerError(error) ?? new AppError('internal', 'the control plane met a fault of its own');
  return { event: 'problem', data: problemOf(shown, 'none') };
}
