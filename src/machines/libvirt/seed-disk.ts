import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { exec } from '../../host/exec.ts';

/** Writes files into an image of a read-only disk with that label. They may be secret: nobody else can read it. */
export async function writeSeedDisk(
  path: string,
  label: string,
  files: ReadonlyMap<string, string | Buffer>,
): Promise<void> {
  const tree = await mkdtemp(join(dirname(path), 'seed-'));
  try {
    for (const [name, content] of files) {
      await mkdir(dirname(join(tree, name)), { recursive: true });
      await writeFile(join(tree, name), content, { mode: 0o600 });
    }
    // It keeps the rights of a file that is there.
    await rm(path, { force: true });
    await writeFile(path, '', { mode: 0o600 });
    const args = ['-quiet', '-volid', label, '-joliet', '-rock', '-output', path, tree];
    const { code, stderr, missing } = await exec('genisoimage', args);
    if (code === 0) return;
    throw new AppError(
      missing ? 'machine_driver_unavailable' : 'machine_start_failed',
      missing
        ? 'there is no genisoimage on this host'
        : `the disk ${path} could not be written: ${stderr.trim()}`,
      {
        hint: missing
          ? 'apt-get install genisoimage'
          : 'Look whether its file system has room, and try again.',
      },
    );
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}
