import { statfs } from 'node:fs/promises';
import { type Room, judgeRoom } from '../../../certificates/preflight.ts';
import type { Finding } from '../../../certificates/reason.ts';

/** Whether a directory has room for an order; asked before a certificate is that could not be kept. */
export async function checkRoom(directory: string): Promise<Finding | undefined> {
  const { bavail, bsize, files, ffree } = await statfs(directory);
  const room: Room = { freeBytes: bavail * bsize, freeFiles: files > 0 ? ffree : undefined };
  return judgeRoom(room, directory);
}
