import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Release, baseImage } from '../../../src/machines/container/base-image.ts';

/** Base images and packages for tests of machines are dear, so they are kept from one run to the next. */
export const CACHE =
  process.env['AGENTMETAL_TEST_CACHE'] ??
  (process.getuid?.() === 0
    ? '/var/cache/agentmetal-test'
    : join(process.env['HOME'] ?? '/tmp', '.cache/agentmetal-test'));

export const RELEASES: readonly Release[] = ['bookworm', 'trixie'];

/** What provisioning installs; the tests' package server has it with all it depends on. */
const PACKAGES = ['haproxy', 'certbot', 'keepalived', 'openssl', 'python3', 'ca-certificates'];

export const imageOf = (release: Release): string => join(CACHE, `base-${release}`);
export const packagesOf = (release: Release): string => join(CACHE, `packages-${release}`);

/** Builds what is missing. It needs the Debian mirror, which tests in a network of their own do not reach. */
export async function prepareImages(): Promise<void> {
  await mkdir(CACHE, { recursive: true, mode: 0o755 });
  await Promise.all(RELEASES.map(prepare));
}

async function prepare(release: Release): Promise<void> {
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
  await chmod(packages, 0o755);
  await removeParts(release);
  process.stderr.write(`test machines: ${release} is ready after ${Math.round((Date.now() - started) / 1000)} s\n`);
}

/** What a build that was killed has left. */
async function removeParts(release: Release): Promise<void> {
  const left = (await readdir(CACHE)).filter((name) => name.startsWith(`base-${release}.`));
  await Promise.all(left.map((name) => rm(join(CACHE, name), { recursive: true, force: true })));
}
