import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { ServicePaths } from '../../haproxy/config/paths.ts';
import { askMaster } from '../../haproxy/runtime/connection.ts';
import { signal } from '../../host/processes.ts';

/** The most workers that finish the connections of before a reload. */
export const MAX_OLD_WORKERS = 16;
/** The share of the machine's memory that they may have together. */
const MEMORY_SHARE = 4;
const LEAST_BUDGET_BYTES = 256 * 1024 * 1024;
const PAGE_BYTES = 4096;

interface OldWorker {
  pid: number;
  /** Resident memory in bytes. */
  memory: number;
}

/** Which workers have to go, the oldest first, so that the others keep within number and memory. */
export function surplusWorkers(oldestFirst: readonly OldWorker[], budgetBytes: number): number[] {
  let count = oldestFirst.length;
  let memory = oldestFirst.reduce((sum, worker) => sum + worker.memory, 0);
  return oldestFirst
    .filter((worker) => {
      const isSurplus = count > MAX_OLD_WORKERS || memory > budgetBytes;
      if (isSurplus) {
        count -= 1;
        memory -= worker.memory;
      }
      return isSurplus;
    })
    .map(({ pid }) => pid);
}

/**
 * Ends the oldest workers when there are too many of them. A worker whose connections have ended leaves by itself, so
 * this concerns only those that long connections hold.
 * @returns how many connections ended with them.
 */
export async function boundOldWorkers(oldestFirst: readonly number[], paths: ServicePaths): Promise<number> {
  const workers = await Promise.all(
    oldestFirst.map(async (pid) => ({ pid, memory: await residentMemory(pid) })),
  );
  let cut = 0;
  for (const pid of surplusWorkers(workers, Math.max(totalmem() / MEMORY_SHARE, LEAST_BUDGET_BYTES))) {
    cut += await connectionsOf(pid, paths);
    signal(pid, 'SIGTERM');
  }
  return cut;
}

/** Zero for a process that has ended. */
async function residentMemory(pid: number): Promise<number> {
  const statm = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '');
  return Number(statm.split(' ')[1] ?? 0) * PAGE_BYTES;
}

async function connectionsOf(pid: number, paths: ServicePaths): Promise<number> {
  const info = await askMaster(paths.masterSocket, `@!${pid} show info`).catch(() => '');
  return Number(/^CurrConns: (\d+)$/m.exec(info)?.[1] ?? 0);
}
