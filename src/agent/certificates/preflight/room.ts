import { access, constants, statfs } from 'node:fs/promises';
import { type Room, judgeRoom } from '../../../certificates/preflight.ts';
import type { Finding } from '../../../certificates/reason.ts';

/**
 * Whether a directory has room for an order; asked before a certificate is that could not be kept. Rejects when nothing may
 * be written there.
 */
export async function checkRoom(directory: string): Promise<Finding | undefined> {
  // Making folders in a file system that is read-only fails with Node as if their parents were missing.
  await access(directory, constants.W_OK);
  const { bavail, bsize, files, ffree } = await statfs(directory);
  const room: Room = { freeBytes: bavail * bsize, freeFiles: files > 0 ? ffree : undefined };
  return judgeRoom(room, directory);
}
