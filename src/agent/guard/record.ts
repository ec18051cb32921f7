import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { GuardTraffic, GuardVerdict, GuardView } from '../../spec/guard.ts';

const Sums = z.object({ requests: z.number(), errors: z.number() });

/** A guard as it lies on disk, so that an agent that starts again goes on with it. */
const GuardRecord = z.object({
  revision: z.int(),
  durationMs: z.number(),
  /** What was usual before the change. */
  before: GuardTraffic,
  /** Targets that were healthy before the change, by pool. */
  healthy: z.record(z.string(), z.array(z.string())),
  /** Which worker served before the change; absent when none did. */
  workerBefore: z.string().optional(),
  /** Since when the revision is live, milliseconds since the epoch. */
  liveAt: z.number().optional(),
  tally: z.object({ worker: z.string(), base: Sums, last: Sums, carried: Sums }).optional(),
  verdict: GuardVerdict.exclude(['watching']).optional(),
  reason: z.string(),
  view: GuardView.optional(),
});
export type GuardRecord = z.infer<typeof GuardRecord>;

/** Reads the guard of before. A file that is damaged is as good as none. */
export async function readRecord(path: string): Promise<GuardRecord | undefined> {
  const text = await readTextIfExists(path);
  if (text === undefined) return undefined;
  try {
    return GuardRecord.parse(JSON.parse(text));
  } catch {
    // Told by what follows: without notes nothing can be compared.
    return undefined;
  }
}

/** What survives `kill -9` need not survive a power cut, except what a watch came to. */
export async function writeRecord(path: string, record: GuardRecord): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(record), { durable: record.verdict !== undefined });
}

export async function removeRecord(path: string): Promise<void> {
  await rm(path, { force: true });
}
