import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { keepTail } from '../../host/files.ts';

/** What HAProxy, keepalived and BIRD say goes to files of their own, which they never make shorter. */
export const MAX_LOG_BYTES = 1024 * 1024;

/** Drops the oldest lines of the logs in these folders that have grown too long. Folders that are not there have none. */
export async function boundLogs(folders: readonly string[]): Promise<void> {
  for (const folder of folders)
    for (const name of await readdir(folder).catch(() => []))
      if (name.endsWith('.log')) await keepTail(join(folder, name), MAX_LOG_BYTES);
}
