import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import type { MachineRelease } from '../../spec/vpc-driver.ts';
import { AGENT_PACKAGES, bootstrap } from '../debian/bootstrap.ts';

export interface BaseImageOptions {
  /** Where images are kept; made when missing. */
  folder: string;
  release: MachineRelease;
  /** Packages beside those that make a machine. Default: what an agent needs, because a VPC has no way to the mirror. */
  packages?: readonly string[];
  /** Commands that mmdebstrap runs at the end, each given the image's root as `$1`. */
  hooks?: readonly string[];
}

const builds = new Map<string, Promise<string>>();

/** The root of a release's base image, which is built when it is not there. Machines are layers upon it. */
export function baseImage(options: BaseImageOptions): Promise<string> {
  const path = join(options.folder, `base-${options.release}`);
  const running = builds.get(path) ?? build(path, options).finally(() => builds.delete(path));
  builds.set(path, running);
  return running;
}

async function build(
  path: string,
  { folder, release, packages = AGENT_PACKAGES, hooks = [] }: BaseImageOptions,
) {
  if ((await readTextIfExists(`${path}/.complete`)) !== undefined) return path;
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const part = `${path}.${randomBytes(4).toString('hex')}.part`;
  await bootstrap({ root: part, release, packages, hooks });
  await writeFileAtomic(join(part, '.complete'), `${release}\n`);
  await chmod(part, 0o755);
  // Another process may have been faster; both images are as good.
  await rename(part, path).catch(() => rm(part, { recursive: true, force: true }));
  return path;
}
