import { open, readFile, rm } from 'node:fs/promises';
import { systemClock } from '../base/clock.ts';
import { AppError, systemCode } from '../base/errors.ts';
import { commandLine, isRunning } from './processes.ts';

const PATIENCE_MS = 10_000;

export interface LockOptions {
  /** Who may hold it: a word of the holder's command line, by which a number that was given anew is told apart. */
  role: string;
  /** What is held, for the sentence: `the agent of /var/lib/agentmetal`. */
  what: string;
  hint: string;
  /** How long a holder that is just ending is waited for. Default: 10 s. */
  patienceMs?: number;
}

/** Makes sure that one process alone does a job, by a file with its number. Answers how to let it go. */
export async function acquireLock(path: string, options: LockOptions): Promise<() => Promise<void>> {
  const { role, what, hint, patienceMs = PATIENCE_MS } = options;
  const deadline = performance.now() + patienceMs;
  while (!(await tryLock(path))) {
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    if (!isHolder(holder, role)) await rm(path, { force: true });
    else if (performance.now() > deadline) {
      throw new AppError('unavailable', `${what} is running already (process ${holder})`, { hint });
    } else await systemClock.sleep(50);
  }
  return () => rm(path, { force: true });
}

async function tryLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(`${process.pid}\n`);
    await file.close();
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The number of a process that was killed may have gone to another program since. */
function isHolder(pid: number, role: string): boolean {
  return pid > 0 && pid !== process.pid && isRunning(pid) && commandLine(pid).includes(role);
}
