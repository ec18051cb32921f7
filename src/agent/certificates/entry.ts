import { join } from 'node:path';
import { mkdir, rm } from 'node:fs/promises';
import { type IssuedCertificate, readIssued } from '../../certificates/issued.ts';
import { type Finding } from '../../certificates/reason.ts';
import { renewalDue } from '../../certificates/renewal-policy.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { type NamePaths, namePaths } from './paths.ts';
import { type CertificateRecord, newRecord, readRecord, writeRecord } from './record.ts';
import { closeRun } from './orders/run.ts';

/** All that is known of one name. */
export interface Entry {
  readonly name: string;
  readonly paths: NamePaths;
  record: CertificateRecord;
  /** The certificate in use. */
  issued: IssuedCertificate | undefined;
  /** Chain of the certificate in use, PEM. */
  chain: string | undefined;
  /** Whether what lies on the disk has been read: before that nothing is ordered. */
  isRead: boolean;
  /** Whether somebody works on it. */
  isBusy: boolean;
  /** Whether the CA is being asked. */
  isOrdering: boolean;
  /** How often in a row something has spoken against asking the CA, and until when it is not looked at again. */
  holds: number;
  heldUntil: number;
  /** When the CA has made sure of what it was heard to say last of the certificate in use. */
  heardUpTo: number;
  /** Settles when the record has been written as often as that was asked for. */
  saved: Promise<void>;
}

export function newEntry(root: string, name: string, dice: number): Entry {
  return {
    name,
    paths: namePaths(root, name),
    record: newRecord(dice),
    issued: undefined,
    chain: undefined,
    isRead: false,
    isBusy: false,
    isOrdering: false,
    holds: 0,
    heldUntil: 0,
    heardUpTo: 0,
    saved: Promise.resolve(),
  };
}

/** Reads what lies on the disk for a name. */
export async function readEntry(entry: Entry): Promise<void> {
  entry.record = (await readRecord(entry.paths.record)) ?? entry.record;
  const bundle = await readTextIfExists(entry.paths.bundle);
  entry.issued = bundle === undefined ? undefined : readIssued(bundle);
  entry.chain = entry.issued && bundle;
  entry.isRead = true;
}

export function dueAt({ issued, record }: Entry): number | undefined {
  if (issued && record.revoked) return record.revoked.heardAt;
  return issued && renewalDue(issued, record.dice, record.window);
}

/** No order before: what was found on the way to one, the backoff after failed ones, and the CA's own word. */
export function waitUntil({ heldUntil, record }: Entry): number {
  return Math.max(heldUntil, record.backoffUntil ?? 0, record.refusedUntil ?? 0);
}

/** Writes follow one another, so that the newest is the one that stays. */
export function saveRecord(entry: Entry): Promise<void> {
  const write = async () => {
    await mkdir(entry.paths.directory, { recursive: true, mode: 0o700 });
    await writeRecord(entry.paths.record, entry.record);
  };
  entry.saved = entry.saved.then(write, write);
  return entry.saved;
}

/** Puts a new certificate in the place of the one in use, which is kept beside it. */
export async function keepBundle(entry: Entry, chain: string, key: string): Promise<void> {
  const { paths } = entry;
  const before = await readTextIfExists(paths.bundle);
  // HAProxy's runtime API takes an empty line for the end.
  const bundle = `${chain}\n${key}\n`.replaceAll(/\n{2,}/g, '\n');
  if (before !== undefined && before !== bundle) await writeFileAtomic(paths.previous, before);
  await writeFileAtomic(paths.bundle, bundle);
  entry.issued = readIssued(bundle);
  entry.chain = bundle;
}

/** Puts the certificate of before back. Answers whether there was one. */
export async function restoreBundle(entry: Entry): Promise<boolean> {
  const previous = await readTextIfExists(entry.paths.previous);
  if (previous === undefined || readIssued(previous) === undefined) return false;
  await writeFileAtomic(entry.paths.bundle, previous);
  await rm(entry.paths.previous);
  entry.issued = readIssued(previous);
  entry.chain = previous;
  return true;
}

/** Ends an order that has been dealt with. After a failed one certbot's log stays for whoever looks. */
export async function closeOrder({ paths }: Entry, hasFailed: boolean): Promise<void> {
  await closeRun(paths.order);
  const done = hasFailed ? join(paths.order, 'config') : paths.order;
  await rm(done, { recursive: true, force: true });
}

export function withFinding(record: CertificateRecord, finding: Finding | undefined): CertificateRecord {
  const { finding: _, ...rest } = record;
  return finding ? { ...rest, finding } : rest;
}
