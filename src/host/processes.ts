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

/** Linux counts the start of a process in hundredths of a second, whatever its own clock is. */
const TICKS_PER_SECOND = 100;

/** When a process was started, in ticks since the machine was; undefined when there is none. */
export function startTicks(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The first field behind the name is number 3 (proc(5)), the start is number 22.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    // As above: a process that has gone was started at no time.
    return undefined;
  }
}

/** How long ago that was, in milliseconds. */
export function ageOf(ticks: number): number {
  const seconds = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
  return Math.max(0, (seconds - ticks / TICKS_PER_SECOND) * 1000);
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
