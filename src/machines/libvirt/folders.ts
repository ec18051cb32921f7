import { chmod, mkdir } from 'node:fs/promises';

/** Makes a folder through which QEMU, which is another user, reaches what it is let in to, whatever this process's umask is. */
export async function ensurePassable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o711);
}
