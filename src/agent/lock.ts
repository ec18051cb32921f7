import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { AppError, systemCode } from '../base/errors.ts';
import { commandLine, isRunning } from '../host/processes.ts';

const PATIENCE_MS = 10_000;

/** Makes sure that one agent alone works on a data directory. Answers how to let it go. */
export async function acquireLock(dataDir: string): Promise<() => Promise<void>> {
  const path = join(dataDir, 'agent.pid');
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await tryLock(path))) {
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    if (!isAgent(holder)) await rm(path, { force: true });
    else if (performance.now() > deadline) {
      throw new AppError('unavailable', `another agent (process ${holder}) works on ${dataDir}`, {
        hint: `Stop it first: kill ${holder}`,
      });
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

/** The number of an agent that was killed may have gone to another program since. */
function isAgent(pid: number): boolean {
  return (
    pid > 0 && pid !== process.pid && isRunning(pid) && commandLine(pid).some((word) => word.includes('node'))
  );
}
