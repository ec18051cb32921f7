import { open, readFile, rename, rm } from 'node:fs/promises';
import { systemCode } from '../base/errors.ts';

export interface WriteOptions {
  /** Permission bits. Default: 0600. */
  mode?: number;
  /** Whether the bytes must be on the disk before the call returns. Default: true. */
  durable?: boolean;
}

let writes = 0;

/** Replaces a file in one step: a reader, and a crash, sees the old bytes or the new ones. */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  { mode = 0o600, durable = true }: WriteOptions = {},
): Promise<void> {
  writes += 1;
  // Another name for each write: two at a time must not take each other's file away.
  const temporary = `${path}.${process.pid}-${writes}.tmp`;
  const file = await open(temporary, 'w', mode);
  try {
    await file.writeFile(data);
    if (durable) await file.sync();
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    throw error;
  }
  await file.close();
  await rename(temporary, path);
}

/** Puts text behind what a file holds; it is on the disk when the promise resolves. */
export async function appendDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'a', 0o600);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/**
 * Has a file that is longer than so many bytes keep half as many, its last whole lines. A program that has it open for
 * appending writes on behind them.
 */
export async function keepTail(path: string, maxBytes: number): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    if (size <= maxBytes) return;
    const kept = Math.floor(maxBytes / 2);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(kept), 0, kept, size - kept);
    const tail = buffer.subarray(0, bytesRead);
    await file.truncate();
    await file.appendFile(tail.subarray(tail.indexOf('\n') + 1));
  } finally {
    await file.close();
  }
}

/** The file's text, or `undefined` when there is no such file. */
export async function readTextIfExists(path: string): Promise<string | undefined> {
  return (await readBytesIfExists(path))?.toString('utf8');
}

/** The file's bytes, or `undefined` when there is no such file. */
export async function readBytesIfExists(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
