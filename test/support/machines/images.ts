import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { baseImage } from '../../../src/machines/container/base-image.ts';
import type { MachineRelease } from '../../../src/spec/vpc-driver.ts';
import { readTextIfExists, writeFileAtomic } from '../../../src/host/files.ts';
import { isRunning } from '../../../src/host/processes.ts';
import { run } from '../command.ts';
import { waitFor } from '../wait.ts';

/** What provisioning installs; the tests' package server has it with all it depends on. */
const PACKAGES = [
  'haproxy',
  'certbot',
  'keepalived',
  'bird2',
  'nftables',
  'openssl',
  'python3',
  'ca-certificates',
];

/** Base images and packages for tests of machines are dear, so they are kept from one run to the next; others are others. */
export const CACHE = join(
  process.env['AGENTMETAL_TEST_CACHE'] ??
    (process.getuid?.() === 0
      ? '/var/cache/agentmetal-test'
      : join(process.env['HOME'] ?? '/tmp', '.cache/agentmetal-test')),
  createHash('sha256').update(PACKAGES.join(' ')).digest('hex').slice(0, 8),
);

export const RELEASES: readonly MachineRelease[] = ['bookworm', 'trixie'];

/** Base images as the product builds them, with all that an agent needs. */
export const MADE_IMAGES = join(CACHE, 'made');
/** One release is enough to see them made: what differs between releases is seen where agents are installed. */
const MADE_RELEASE: MachineRelease = 'trixie';

export const packagesOf = (release: MachineRelease): string => join(CACHE, `packages-${release}`);

const PREPARER = join(CACHE, 'preparer.pid');
const START_MS = 10_000;
const BUILD_MS = 10 * 60_000;

/** Waits for images that are just being built. */
export async function waitForImages(): Promise<void> {
  await waitFor(
    'images, or who makes them',
    async () => (await areReady()) || (await isPreparing()),
    START_MS,
  ).catch(() => undefined);
  await waitFor(
    'images of test machines',
    async () => (await areReady()) || !(await isPreparing()),
    BUILD_MS,
  );
  if (await areReady()) return;
  throw new Error(
    'there are no images of test machines; where the Debian mirror is reached: sh scripts/with-node.sh node test/support/machines/prepare.ts',
  );
}

async function areReady(): Promise<boolean> {
  const made = join(MADE_IMAGES, `base-${MADE_RELEASE}/.complete`);
  const marks = await Promise.all([
    readTextIfExists(made),
    ...RELEASES.flatMap((release) => [
      readTextIfExists(join(CACHE, `base-${release}/.complete`)),
      readTextIfExists(join(packagesOf(release), 'Packages')),
    ]),
  ]);
  return marks.every((mark) => mark !== undefined);
}

/** Whether somebody makes images just now. */
export async function isPreparing(): Promise<boolean> {
  const pid = Number(await readTextIfExists(PREPARER));
  return pid > 0 && isRunning(pid);
}

/** Builds what is missing. It needs the Debian mirror, which tests in a network of their own do not reach. */
export async function prepareImages(): Promise<void> {
  await mkdir(CACHE, { recursive: true, mode: 0o755 });
  await writeFileAtomic(PREPARER, `${process.pid}\n`);
  await Promise.all(RELEASES.map(prepare));
}

async function prepare(release: MachineRelease): Promise<void> {
  const packages = packagesOf(release);
  const fetch = `APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get`;
  const started = Date.now();
  await mkdir(packages, { recursive: true, mode: 0o755 });
  await baseImage({
    folder: CACHE,
    release,
    packages: [],
    hooks: [
      `${fetch} clean`,
      `${fetch} install --yes --quiet --download-only ${PACKAGES.join(' ')} >/dev/null`,
      `cp "$1"/var/cache/apt/archives/*.deb '${packages}/'`,
    ],
  });
  await writeIndex(packages);
  await removeParts(release);
  if (release === MADE_RELEASE) await addPackages(release);
  process.stderr.write(
    `test machines: ${release} is ready after ${Math.round((Date.now() - started) / 1000)} s\n`,
  );
}

/**
 * The image with packages is the one without, and the packages that lie beside it: built by mmdebstrap, which takes a
 * minute, it would be the same.
 */
async function addPackages(release: MachineRelease): Promise<void> {
  const image = join(MADE_IMAGES, `base-${release}`);
  if ((await readTextIfExists(join(image, '.complete'))) !== undefined) return;
  const part = `${image}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(MADE_IMAGES, { recursive: true, mode: 0o755 });
  const apt =
    'DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Dir::Etc::SourceList=/debs/list -o Dir::Etc::SourceParts=- --no-install-recommends --yes';
  const steps = [
    `cp -a '${join(CACHE, `base-${release}`)}' '${part}'`,
    `cp -r '${packagesOf(release)}' '${part}/debs'`,
    `echo 'deb [trusted=yes] file:/debs ./' >'${part}/debs/list'`,
    // Nothing is started in a tree that nobody has booted.
    `printf '#!/bin/sh\\nexit 101\\n' >'${part}/usr/sbin/policy-rc.d'; chmod +x '${part}/usr/sbin/policy-rc.d'`,
    `chroot '${part}' sh -ec '${apt} update; ${apt} -o Dpkg::Options::=--force-unsafe-io install ${PACKAGES.join(' ')} >/dev/null; rm -rf /debs /usr/sbin/policy-rc.d /var/lib/apt/lists/*'`,
    `mv '${part}' '${image}'`,
  ];
  const { code, stderr } = await run('sh', ['-ec', steps.join('\n')], { ...process.env, LC_ALL: 'C' });
  if (code !== 0) throw new Error(`no image with packages: ${stderr}`);
}

/** What a build that was killed has left. */
async function removeParts(release: MachineRelease): Promise<void> {
  const left = (await readdir(CACHE)).filter((name) => name.startsWith(`base-${release}.`));
  await Promise.all(left.map((name) => rm(join(CACHE, name), { recursive: true, force: true })));
}

/** What apt reads to know which packages there are. */
async function writeIndex(folder: string): Promise<void> {
  const index = join(folder, 'Packages');
  if ((await readTextIfExists(index)) !== undefined) return;
  let text = '';
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.deb'))) {
    const bytes = await readFile(join(folder, name));
    const { stdout } = await run('dpkg-deb', ['-f', join(folder, name)], process.env);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    text += `${stdout.trimEnd()}\nFilename: ./${name}\nSize: ${bytes.length}\nSHA256: ${sha256}\n\n`;
  }
  await writeFileAtomic(index, text, { mode: 0o644 });
}
