import { readFile, readdir } from 'node:fs/promises';
import { sum } from './statistics.ts';

/** CPU time that the living threads of a process have taken, in microseconds. The scheduler counts in nanoseconds. */
export async function cpuMicroseconds(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = threads.map(async (thread) => {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0');
    return Number(text.split(' ')[0]) / 1000;
  });
  return sum(await Promise.all(times));
}

export async function threadCount(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/task`)).length;
}

export interface Memory {
  /** Resident, in MiB. */
  rss: number;
  /** Resident, with pages that several processes share divided among them. */
  pss: number;
}

export async function memoryOf(pid: number): Promise<Memory> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const read = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) / 1024;
  return { rss: read('Rss'), pss: read('Pss') };
}
