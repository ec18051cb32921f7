import { ageOf, startTicks } from '../../host/processes.ts';

/** A worker process, told apart from one that gets its number later. */
export interface WorkerIdentity {
  id: string;
  pid: number;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

/** @returns undefined when there is no such process any more. */
export function identifyWorker(pid: number, now: number): WorkerIdentity | undefined {
  const ticks = startTicks(pid);
  return ticks === undefined ? undefined : { id: `${pid}-${ticks}`, pid, startedAt: now - ageOf(ticks) };
}
