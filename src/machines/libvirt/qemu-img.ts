import { AppError } from '../../base/errors.ts';
import { exec } from '../../host/exec.ts';

const TIMEOUT_MS = 10 * 60_000;

/** Runs one command of qemu-img. @throws AppError `machine_image_failed` */
export async function qemuImg(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr, missing } = await exec('qemu-img', args, TIMEOUT_MS);
  if (code === 0) return stdout;
  const why = missing ? 'there is no qemu-img on this host' : stderr.trim() || 'it did not end in time';
  throw new AppError('machine_image_failed', `qemu-img ${args.join(' ')} failed: ${why}`, {
    hint: missing ? 'apt-get install qemu-utils' : 'Look whether the file system has room, and try again.',
  });
}
