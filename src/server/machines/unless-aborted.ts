import { AppError } from '../../base/errors.ts';

/** Package servers may be slow; longer than this, something hangs. */
export const ATTEMPT_MS = 30 * 60_000;

/**
 * What the work comes to; rejects at once when the signal is aborted. Work that does not heed the signal must hold up
 * neither the end of the control plane nor other machines.
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = () =>
    reject(new AppError('unavailable', 'it took longer than half an hour', { hint: 'It is tried again.' }));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
