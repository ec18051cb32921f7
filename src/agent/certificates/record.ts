import { z } from 'zod';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { REASONS, type ReasonCode } from '../../certificates/reason.ts';

const Finding = z.object({
  /** A later version may have written a code that this one does not have. */
  code: z.enum(Object.keys(REASONS) as [ReasonCode, ...ReasonCode[]]).catch('certbot_failed'),
  detail: z.string(),
  retryAt: z.number().exactOptional(),
});

/** What is known of a name over restarts. Moments are milliseconds since the epoch. */
const RecordFile = z.object({
  /** Drawn once for each certificate: where in its window it is renewed. */
  dice: z.number(),
  orders: z.array(z.number()),
  issued: z.array(z.number()),
  /** Proofs that the CA has tried in vain. */
  failed: z.array(z.number()),
  /** Orders that have failed in a row. */
  failures: z.int(),
  lastAttemptAt: z.number().exactOptional(),
  /** Why there is no newer certificate; absent when nothing speaks against it. */
  finding: Finding.exactOptional(),
  /** No order before, after one that has failed. */
  backoffUntil: z.number().exactOptional(),
  /** No order before, by the CA's word; nobody's wish changes that. */
  refusedUntil: z.number().exactOptional(),
  /** Somebody wants a new certificate whatever the old one's age. */
  isAsked: z.boolean().exactOptional(),
  /** Its CA has revoked the certificate in use: since when and why by its own word, and when that was heard. */
  revoked: z
    .object({ at: z.number().exactOptional(), reason: z.string().exactOptional(), heardAt: z.number() })
    .exactOptional(),
  /** How many in a row were revoked before the one in use. */
  revokedBefore: z.int().exactOptional(),
  /** When the CA would like to be asked, and when to ask it about that again. */
  window: z.object({ start: z.number(), end: z.number() }).exactOptional(),
  adviceAt: z.number().exactOptional(),
});
export type CertificateRecord = z.infer<typeof RecordFile>;

export function newRecord(dice: number): CertificateRecord {
  return { dice, orders: [], issued: [], failed: [], failures: 0 };
}

/** Reads a record; undefined when there is none that can be read. */
export async function readRecord(path: string): Promise<CertificateRecord | undefined> {
  const text = await readTextIfExists(path);
  if (text === undefined) return undefined;
  try {
    const read = RecordFile.safeParse(JSON.parse(text));
    return read.success ? read.data : undefined;
  } catch {
    // Half a file of a machine that lost its power; what it said is made up for by the certificate itself.
    return undefined;
  }
}

export async function writeRecord(path: string, record: CertificateRecord): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(record, null, 2)}\n`);
}
