import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { GuardTraffic, GuardVerdict, GuardView } from '../../spec/guard.ts';

const Sums = z.object({ requests: z.number(), errors: z.number() });

const GuardRecord = z.object({
  revision: z.int(),
  durationMs: z.number(),
  /** What was usual before the change. */
  before: GuardTraffic,
  /** Targets that were healthy before the change, by pool. */
  healthy: z.record(z.string(), z.array(z.string())),
  /** Since when the revision is live, milliseconds since the epoch. */
  liveAt: z.number().optional(),
  /** Traffic since then; absent until it counts. */
  tally: z.object({ at: z.number(), worker: z.string(), base: Sums, last: Sums, carried: Sums }).optional(),
  verdict: GuardVerdict,
  reason: z.string(),
  view: GuardView.optional(),
});

/** All that a guard goes by. */
export type GuardRecord = z.infer<typeof GuardRecord>;

/** Where a guard lies on disk, so that an agent that starts again goes on with it. */
export interface GuardFile {
  /** @returns undefined when there is none, or none that can be read, which is as good. */
  read(): Promise<GuardRecord | undefined>;
  /** Writes follow one another, so that the newest is the one that stays. */
  write(record: GuardRecord): Promise<void>;
  remove(): Promise<void>;
}

export function guardFile(path: string): GuardFile {
  let last: Promise<void> = Promise.resolve();
  const inOrder = (work: () => Promise<void>): Promise<void> => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
  return {
    async read() {
      const text = await readTextIfExists(path).catch(() => undefined);
      return text === undefined ? undefined : parseRecord(text);
    },
    write: (record) =>
      inOrder(async () => {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        // What survives `kill -9` need not survive a power cut, except what the watch came to.
        await writeFileAtomic(path, JSON.stringify(record), { durable: record.verdict !== 'watching' });
      }),
    // One that stays is of another revision than the next, and of no use to it.
    remove: () => inOrder(() => rm(path, { force: true })).catch(() => {}),
  };
}

function parseRecord(text: string): GuardRecord | undefined {
  try {
    return GuardRecord.parse(JSON.parse(text));
  } catch {
    // Told by what follows: without notes there is nothing to compare with.
    return undefined;
  }
}
