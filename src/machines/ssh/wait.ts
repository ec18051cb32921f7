import { type Clock, systemClock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { connect } from './connection.ts';
import type { SshTarget } from './target.ts';

const PATIENCE_MS = 120_000;
const BETWEEN_MS = 100;

export interface WaitOptions {
  clock?: Pick<Clock, 'now' | 'sleep'>;
  /** How long it may take. Default: two minutes. */
  patienceMs?: number;
}

/** Resolves when the machine lets one in, as some time after its start. @throws AppError what the last try has met */
export async function waitUntilReachable(
  target: SshTarget,
  signal: AbortSignal,
  { clock = systemClock, patienceMs = PATIENCE_MS }: WaitOptions = {},
): Promise<void> {
  const deadline = clock.now() + patienceMs;
  for (;;) {
    try {
      (await connect(target, signal)).close();
      return;
    } catch (error) {
      const isPassing = error instanceof AppError && error.code === 'machine_unreachable';
      if (!isPassing || signal.aborted || clock.now() >= deadline) throw error;
    }
    await clock.sleep(BETWEEN_MS, signal);
  }
}
