import { readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { exec } from '../../host/exec.ts';
import { writeFileAtomic } from '../../host/files.ts';
import type { MachineRelease } from '../../spec/vpc-driver.ts';

/** What makes a directory tree a machine that boots, is reached by SSH and has a network. */
const MACHINE = 'systemd-sysv,dbus,openssh-server,iproute2,ca-certificates,procps,sudo,netbase,curl'.split(
  ',',
);
/** What an agent needs, because a VPC has no way to the mirror. */
export const AGENT_PACKAGES = [
  'haproxy',
  'certbot',
  'keepalived',
  'bird2',
  'nftables',
  'openssl',
  'python3',
] as const;
/** Timers that would hold apt's lock just when a machine has booted. */
const UNWANTED = ['apt-daily.timer', 'apt-daily-upgrade.timer', 'systemd-timesyncd.service'];
const BUILD_TIMEOUT_MS = 15 * 60_000;

export interface BootstrapOptions {
  /** The directory that becomes the root of the system; nothing may be there yet. */
  root: string;
  release: MachineRelease;
  /** Packages beside those that make a machine. */
  packages: readonly string[];
  /** Commands that mmdebstrap runs before packages are installed, each given the root as `$1`. */
  firstHooks?: readonly string[];
  /** Commands that mmdebstrap runs at the end, each given the root as `$1`. */
  hooks?: readonly string[];
}

/**
 * Installs a Debian into a directory, and takes away what must be of each machine alone.
 * @throws AppError `machine_image_failed`, after which nothing is left there
 */
export async function bootstrap(options: BootstrapOptions): Promise<void> {
  const { root, release } = options;
  const args = bootstrapArguments(options, await mirrors());
  const result = await exec('mmdebstrap', args, BUILD_TIMEOUT_MS);
  if (result.code === 0) return strip(root);
  await rm(root, { recursive: true, force: true });
  throw new AppError(
    'machine_image_failed',
    result.missing
      ? 'there is no mmdebstrap on this host, which builds the base images of machines'
      : `the base image of ${release} could not be built: ${lastLines(result.stderr)}`,
    {
      hint: result.missing
        ? 'apt-get install mmdebstrap'
        : 'Look whether this host reaches its Debian mirror and has room for it, and try again.',
    },
  );
}

function bootstrapArguments(
  { root, release, packages, firstHooks = [], hooks = [] }: BootstrapOptions,
  { main, security }: Mirrors,
): string[] {
  return [
    '--variant=minbase',
    '--quiet',
    '--format=directory',
    '--aptopt=APT::Install-Recommends "false"',
    `--include=${[...MACHINE, ...packages].join(',')}`,
    ...firstHooks.map((hook) => `--essential-hook=${hook}`),
    ...hooks.map((hook) => `--customize-hook=${hook}`),
    ...UNWANTED.map((unit) => `--customize-hook=ln -sf /dev/null "$1/etc/systemd/system/${unit}"`),
    release,
    root,
    `deb ${main} ${release} main`,
    `deb ${main} ${release}-updates main`,
    `deb ${security} ${release}-security main`,
  ];
}

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

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join('; ');
}
