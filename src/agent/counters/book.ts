import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { z } from 'zod';
import { memoized } from '../../base/memo.ts';
import { inTurns } from '../../base/turns.ts';
import { COLUMNS, type Values } from './readings.ts';
import type { SavedTotals } from './totals.ts';

const Numbers = z.record(z.string(), z.array(z.number().min(0)));
const Saved = z.object({
  columns: z.array(z.string()),
  totals: Numbers,
  workers: z.record(z.string(), Numbers),
});

/** Reads the totals that were kept. A file that is damaged is as good as none: counting begins anew. */
export async function readTotals(path: string): Promise<SavedTotals | undefined> {
  const text = await readTextIfExists(path);
  const parsed = text === undefined ? undefined : Saved.safeParse(parseJson(text));
  if (!parsed?.success) return undefined;
  const { columns, totals, workers } = parsed.data;
  // Another version may have had other columns.
  const places = COLUMNS.map((column) => columns.indexOf(column));
  const arrange = (saved: Record<string, Values>) =>
    mapOf(saved, (values) => places.map((place) => values[place] ?? 0));
  return { totals: arrange(totals), workers: mapOf(workers, arrange) };
}

function mapOf<T, U>(record: Record<string, T>, map: (value: T) => U): Map<string, U> {
  return new Map(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

export async function writeTotals(path: string, saved: SavedTotals): Promise<void> {
  // What a power cut takes is some seconds of counting, for which no disk need be waited for.
  const workers: string[] = [];
  for (const [worker, last] of saved.workers)
    workers.push(`${JSON.stringify(worker)}:${await valuesJson(last)}`);
  const totals = await valuesJson(saved.totals);
  const text = `{"columns":${JSON.stringify(COLUMNS)},"totals":${totals},"workers":{${workers.join(',')}}}`;
  await writeFileAtomic(path, text, { durable: false });
}

/** The counters of ten thousand servers are megabytes: others have their turn while they are written. */
async function valuesJson(values: ReadonlyMap<string, Values>): Promise<string> {
  const parts: string[] = [];
  for await (const entries of inTurns([...values]))
    parts.push(entries.map(([key, counts]) => `${JSON.stringify(key)}:${countsJson(counts)}`).join(','));
  return `{${parts.join(',')}}`;
}

/** Most have counted nothing since they were last written. */
const countsJson = memoized((counts: Values) => `[${counts.join(',')}]`);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Reported by what follows: undefined is no totals.
    return undefined;
  }
}
