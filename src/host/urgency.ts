import { readFileSync } from 'node:fs';
import { exec, findProgram } from './exec.ts';

const CHRT = findProgram('chrt');
const REAL_TIME = ['--fifo', '1'];
/** SCHED_OTHER, what everything is that nobody has set otherwise (sched(7)). */
const ORDINARY = 0;

/** Whether programs may be started so that they run before all others, which is not allowed everywhere. */
export async function mayBeUrgent(): Promise<boolean> {
  return (await exec(CHRT, [...REAL_TIME, 'true'])).code === 0;
}

/** The command that starts a program so, and all that it starts. */
export function urgently(program: string, args: readonly string[]): [string, string[]] {
  return [CHRT, [...REAL_TIME, program, ...args]];
}

/** Whether a process was started so; false when there is none. */
export function isUrgent(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The first field behind the name is number 3 (proc(5)), the policy is number 41.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38]) !== ORDINARY;
  } catch {
    // Not a reason to fail: what has gone is not urgent.
    return false;
  }
}
