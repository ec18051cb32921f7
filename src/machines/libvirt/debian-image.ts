import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { exec, findProgram } from '../../host/exec.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { ensurePassable } from './folders.ts';
import type { MachineRelease } from '../../spec/vpc-driver.ts';
import { AGENT_PACKAGES, bootstrap } from '../debian/bootstrap.ts';

/** A Debian as a disk without a boot loader. */
export interface DebianImage {
  /** Path of the disk, raw: a file system without a partition. */
  disk: string;
  kernel: string;
  initrd: string;
}

export function hasDebianImage(folder: string, release: MachineRelease): boolean {
  return existsSync(join(imageFolderOf(folder, release), COMPLETE));
}

/** Disks of another recipe are others. */
function imageFolderOf(folder: string, release: MachineRelease): string {
  const recipe = JSON.stringify([VIRTUAL_MACHINE, AGENT_PACKAGES, INITRD_HOOKS, HOOKS, DISK_BYTES]);
  const key = createHash('sha256').update(recipe).digest('hex').slice(0, 8);
  return join(folder, `debian-${release}-${key}`);
}

/** What makes a tree a virtual machine that cloud-init can turn into a template. */
const VIRTUAL_MACHINE = [
  'linux-image-cloud-amd64',
  'initramfs-tools',
  'udev',
  'kmod',
  'e2fsprogs',
  'cloud-init',
  'zstd',
];
/** Nothing else is needed to find the disk, and a small one is read fast. */
const INITRD_HOOKS = [
  String.raw`mkdir -p "$1/etc/initramfs-tools/conf.d"; printf 'MODULES=list\nCOMPRESS=zstd\n' >"$1/etc/initramfs-tools/conf.d/agentmetal"`,
  String.raw`printf 'virtio_pci\nvirtio_blk\next4\n' >>"$1/etc/initramfs-tools/modules"`,
];
/** Only what a template is made by: in software, each of cloud-init's other modules takes a second. */
const CLOUD_CONFIG = {
  datasource_list: 'NoCloud, None',
  cloud_init_modules: 'write_files, users_groups',
  cloud_config_modules: 'runcmd',
  cloud_final_modules: 'scripts_user',
} as const;
const HOOKS = [
  ...Object.entries(CLOUD_CONFIG).map(
    ([key, value]) => `echo '${key}: [${value}]' >>"$1/etc/cloud/cloud.cfg.d/90_agentmetal.cfg"`,
  ),
  String.raw`printf '/dev/vda / ext4 defaults,noatime 0 1\n' >"$1/etc/fstab"`,
  // The agent runs what it needs of them itself.
  `for unit in haproxy keepalived bird certbot; do ln -sf /dev/null "$1/etc/systemd/system/$unit.service"; done`,
  `ln -sf /dev/null "$1/etc/systemd/system/certbot.timer"`,
  // Else the first boot builds caches anew that are there.
  `touch "$1/etc/.updated" "$1/var/.updated"`,
];
/** Only what is written takes room. */
const DISK_BYTES = 8 * 1024 ** 3;
const COMPLETE = '.complete';
const MKFS_TIMEOUT_MS = 5 * 60_000;

const builds = new Map<string, Promise<DebianImage>>();

/**
 * The disk of a release, which is built when it is not there.
 * @throws AppError `machine_image_failed`
 */
export function debianImage(folder: string, release: MachineRelease): Promise<DebianImage> {
  const path = imageFolderOf(folder, release);
  const running = builds.get(path) ?? build(path, folder, release).finally(() => builds.delete(path));
  builds.set(path, running);
  return running;
}

async function build(path: string, folder: string, release: MachineRelease): Promise<DebianImage> {
  const image = { disk: join(path, 'disk.ext4'), kernel: join(path, 'kernel'), initrd: join(path, 'initrd') };
  if ((await readTextIfExists(join(path, COMPLETE))) !== undefined) return image;
  await ensurePassable(folder);
  const part = `${path}.${randomBytes(4).toString('hex')}.part`;
  const tree = join(part, 'tree');
  try {
    await ensurePassable(part);
    await bootstrap({
      root: tree,
      release,
      packages: [...VIRTUAL_MACHINE, ...AGENT_PACKAGES],
      firstHooks: INITRD_HOOKS,
      hooks: HOOKS,
    });
    await copyBoot(tree, part);
    await makeDisk(tree, join(part, 'disk.ext4'));
    await rm(tree, { recursive: true, force: true });
    await writeFileAtomic(join(part, COMPLETE), `${release}\n`);
    // Another process may have been faster; both images are as good.
    await rename(part, path).catch(() => undefined);
    return image;
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

async function copyBoot(tree: string, folder: string): Promise<void> {
  const names = await readdir(join(tree, 'boot'));
  for (const [prefix, target] of [
    ['vmlinuz-', 'kernel'],
    ['initrd.img-', 'initrd'],
  ] as const) {
    const name = names.find((each) => each.startsWith(prefix));
    if (name === undefined) throw failed('its kernel was not installed');
    await copyFile(join(tree, 'boot', name), join(folder, target));
    await chmod(join(folder, target), 0o644);
  }
}

/** Without a loop device, so that it needs no kernel's leave. */
async function makeDisk(tree: string, disk: string): Promise<void> {
  await writeFile(disk, '');
  await chmod(disk, 0o644);
  await truncate(disk, DISK_BYTES);
  const args = ['-q', '-F', '-t', 'ext4', '-L', 'root', '-E', 'root_owner=0:0', '-d', tree, disk];
  const { code, stderr, missing } = await exec(findProgram('mke2fs'), args, MKFS_TIMEOUT_MS);
  if (code !== 0) throw failed(missing ? 'there is no mke2fs on this host' : stderr.trim());
}

function failed(why: string): AppError {
  return new AppError('machine_image_failed', `the disk of virtual machines could not be made: ${why}`, {
    hint: 'Look whether the file system has room, and try again.',
  });
}
