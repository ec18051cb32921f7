import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';

import { exec } from '../../host/exec.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import type { MachineRelease } from '../../spec/vpc-driver.ts';

export interface BaseImageOptions {
  /** Where images are kept; made when missing. */
  folder: string;
  release: MachineRelease;
  /** Packages beside those that make a machine. Default: what an agent needs, because a VPC has no way to the mirror. */
  packages?: readonly string[];
  /** Commands that mmdebstrap runs at the end, each given the image's root as `$1`. */
  hooks?: readonly string[];
}

/** What makes a directory tree a machine that boots, is reached by SSH and has a network. */
const MACHINE = 'systemd-sysv,dbus,openssh-server,iproute2,ca-certificates,procps,sudo,netbase,curl'.split(
  ',',
);
const AGENT = ['haproxy', 'certbot', 'keepalived', 'bird2', 'nftables', 'openssl', 'python3'];
/** Timers that would hold apt's lock just when a machine has booted. */
const UNWANTED = ['apt-daily.timer', 'apt-daily-upgrade.timer', 'systemd-timesyncd.service'];
const BUILD_TIMEOUT_MS = 15 * 60_000;

const builds = new Map<string, Promise<string>>();

/** The root of a release's base image, which is built when it is not there. Machines are layers upon it. */
export function baseImage(options: BaseImageOptions): Promise<string> {
  const path = join(options.folder, `base-${options.release}`);
  const running = builds.get(path) ?? build(path, options).finally(() => builds.delete(path));
  builds.set(path, running);
  return running;
}

async function build(path: string, { folder, release, packages = AGENT, hooks = [] }: BaseImageOptions) {
  if ((await readTextIfExists(`${path}/.complete`)) !== undefined) return path;
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const part = `${path}.${randomBytes(4).toString('hex')}.part`;
  const result = await exec(
    'mmdebstrap',
    bootstrapArguments(part, release, packages, hooks, await mirrors()),
    BUILD_TIMEOUT_MS,
  );
  if (result.code !== 0) {
    await remove(part);
    throw new AppError(
      'machine_image_failed',
      result.missing
        ? 'there is no mmdebstrap on this host, which builds the base images of containers'
        : `the base image of ${release} could not be built: ${lastLines(result.stderr)}`,
      {
        hint: result.missing
          ? 'apt-get install mmdebstrap'
          : 'Look whether this host reaches its Debian mirror, and try again.',
      },
    );
  }
  await strip(part);
  await writeFileAtomic(join(part, '.complete'), `${release}\n`);
  await chmod(part, 0o755);
  // Another process may have been faster; both images are as good.
  await rename(part, path).catch(() => remove(part));
  return path;
}

function bootstrapArguments(
  part: string,
  release: MachineRelease,
  packages: readonly string[],
  hooks: readonly string[],
  { main, security }: Mirrors,
): string[] {
  return [
    '--variant=minbase',
    '--quiet',
    '--format=directory',
    '--aptopt=APT::Install-Recommends "false"',
    `--include=${[...MACHINE, ...packages].join(',')}`,
    ...hooks.map((hook) => `--customize-hook=${hook}`),
    ...UNWANTED.map((unit) => `--customize-hook=ln -sf /dev/null "$1/etc/systemd/system/${unit}"`),
    release,
    part,
    `deb ${main} ${release} main`,
    `deb ${main} ${release}-updates main`,
    `deb ${security} ${release}-security main`,
  ];
}

/** Takes away what must be of each machine alone. */
async function strip(root: string): Promise<void> {
  await truncate(join(root, 'etc/machine-id')).catch(() => writeFileAtomic(join(root, 'etc/machine-id'), ''));
  for (const type of ['rsa', 'ecdsa', 'ed25519']) {
    await rm(join(root, `etc/ssh/ssh_host_${type}_key`), { force: true });
    await rm(join(root, `etc/ssh/ssh_host_${type}_key.pub`), { force: true });
  }
}

interface Mirrors {
  main: string;
  security: string;
}

/** Where this host has its own packages from; a machine of Debian's without such a file gets Debian's own mirror. */
async function mirrors(): Promise<Mirrors> {
  const text = await readFile('/etc/apt/sources.list.d/debian.sources', 'utf8').catch(() => '');
  const uris = [...text.matchAll(/^URIs:\s*(\S+)/gm)].map(([, uri = '']) => uri);
  return {
    main: uris.find((uri) => !uri.includes('security')) ?? 'http://deb.debian.org/debian',
    security: uris.find((uri) => uri.includes('security')) ?? 'http://deb.debian.org/debian-security',
  };
}

async function remove(tree: string): Promise<void> {
  await rm(tree, { recursive: true, force: true });
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join('; ');
}
