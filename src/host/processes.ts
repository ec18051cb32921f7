import { readFileSync } from 'node:fs';

/** Whether a process runs; one that has ended and only waits to be reaped does not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold anything; the state is the first word behind the last parenthesis.
    return !/^[ZXx]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    // Not a reason to fail: no entry is the answer that was asked for.
    return false;
  }
}

/** The arguments with which a process was started; empty when there is no such process. */
export function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    // As above: a process that has gone has no arguments.
    return [];
  }
}

/** Sends a signal; false when there is no such process. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    // ESRCH is the only thing that can happen to our own processes: it has gone already.
    return false;
  }
}
