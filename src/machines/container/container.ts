import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { exec } from '../../host/exec.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { commandLine, isRunning, signal } from '../../host/processes.ts';
import { type Nic, ensureNamespace, plug, removeNamespace, shortName, unplug } from '../network/links.ts';
import type { KeyPair } from '../ssh/keys.ts';

const STOP_MS = 20_000;
const POLL_MS = 20;

export interface ContainerOptions {
  /** Folder of this machine alone. */
  folder: string;
  /** Its host name. */
  name: string;
  /** Root of the base image that it is a layer upon. */
  base: string;
  nics: readonly Nic[];
  /** Names of the VPC's machines, a hosts file that is rewritten in place. */
  hosts: string;
  /** Addresses of the name servers that its programs ask. */
  nameServers: readonly string[];
  hostKey: KeyPair;
  /** Public key, as in authorized_keys, of who may come in as root. */
  authorizedKey: string;
}

/** A fresh Debian with a systemd of its own, in a network namespace of its own. */
export interface Container {
  /** Name of its network namespace. */
  namespace: string;
  start(): Promise<void>;
  /** Shuts it down as its power button would. */
  stop(): Promise<void>;
  /** Ends it as a power cut would, links included; `start` brings it back. */
  crash(): Promise<void>;
  isRunning(): Promise<boolean>;
  /** Ends it and takes away everything that it has written; `start` then brings a fresh one with the same keys. */
  clear(): Promise<void>;
  /** Ends it and removes it with its files and network. */
  destroy(): Promise<void>;
}

/** Makes the files of a container; a half-made one is finished. */
export async function createContainer(options: ContainerOptions): Promise<Container> {
  const { folder, nics } = options;
  const { namespace, root } = placeOf(folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    namespace,
    isRunning: () => isContainerRunning(folder),
    async start() {
      if (await isContainerRunning(folder)) return;
      await ensureNamespace(namespace);
      for (const nic of nics) await plug(namespace, nic);
      await mountRoot(options, root);
      await furnish(options, root);
      await boot(options, root, namespace);
    },
    async stop() {
      const pid = await findProcess(folder);
      if (pid === undefined) return;
      signal(pid, 'SIGTERM');
      if (!(await untilEnded(pid, STOP_MS))) await kill(folder);
    },
    async crash() {
      for (const nic of nics) await unplug(namespace, nic);
      await kill(folder);
    },
    async clear() {
      await kill(folder);
      await exec('umount', ['--lazy', root]);
      for (const part of ['upper', 'work']) {
        await rm(join(folder, part), { recursive: true, force: true });
      }
    },
    destroy: () => removeContainer(folder),
  };
}

export async function isContainerRunning(folder: string): Promise<boolean> {
  return (await findProcess(folder)) !== undefined;
}

/** Ends a container and removes all there is of it, as far as it has come; where nothing is there it does nothing. */
export async function removeContainer(folder: string): Promise<void> {
  const { namespace, root } = placeOf(folder);
  await kill(folder);
  await exec('umount', ['--lazy', root]);
  await removeNamespace(namespace);
  await rm(folder, { recursive: true, force: true });
}

function placeOf(folder: string): { namespace: string; root: string } {
  return { namespace: shortName('am-m-', folder), root: join(folder, 'root') };
}

async function kill(folder: string): Promise<void> {
  const pid = await findProcess(folder);
  if (pid === undefined) return;
  // The payload's first process first: the kernel then ends every process in its namespace, and that one last of all.
  const payload = children(pid);
  for (const child of payload) signal(child, 'SIGKILL');
  for (const child of payload) await untilEnded(child, STOP_MS);
  signal(pid, 'SIGKILL');
  await untilEnded(pid, STOP_MS);
}

async function mountRoot({ folder, base }: ContainerOptions, root: string): Promise<void> {
  if ((await readTextIfExists(join(root, 'etc/os-release'))) !== undefined) return;
  const [upper, work] = [join(folder, 'upper'), join(folder, 'work')];
  for (const path of [upper, work, root]) await mkdir(path, { recursive: true, mode: 0o755 });
  const layers = `lowerdir=${base},upperdir=${upper},workdir=${work}`;
  const { code, stderr } = await exec('mount', ['-t', 'overlay', 'overlay', '-o', layers, root]);
  if (code === 0) return;
  throw new AppError('machine_start_failed', `the root of ${folder} could not be mounted: ${stderr.trim()}`, {
    hint: 'Containers need root and a kernel with overlayfs.',
  });
}

/** What makes this machine another one than the next. */
async function furnish(
  { name, nameServers, hostKey, authorizedKey }: ContainerOptions,
  root: string,
): Promise<void> {
  const keys = join(root, 'root/.ssh');
  const resolver = join(root, 'etc/resolv.conf');
  await writeFile(join(root, 'etc/hostname'), `${name}\n`);
  await rm(resolver, { force: true });
  const servers = nameServers.map((address) => `nameserver ${address}\n`);
  await writeFile(resolver, ['# Names of machines of the VPC are in /etc/hosts.\n', ...servers].join(''));
  await writeFileAtomic(join(root, 'etc/ssh/ssh_host_ed25519_key'), hostKey.private);
  await writeFileAtomic(join(root, 'etc/ssh/ssh_host_ed25519_key.pub'), `${hostKey.public}\n`, {
    mode: 0o644,
  });
  await mkdir(keys, { recursive: true, mode: 0o700 });
  await chmod(keys, 0o700);
  await writeFileAtomic(join(keys, 'authorized_keys'), `${authorizedKey}\n`);
}

/** Why each flag: docs/decisions/0021. It runs in a session of its own, so that machines outlive who started them. */
async function boot(
  { folder, name, hosts }: ContainerOptions,
  root: string,
  namespace: string,
): Promise<void> {
  const log = openSync(join(folder, 'console.log'), 'a', 0o600);
  const child = spawn(
    'systemd-nspawn',
    [
      '--quiet',
      '--boot',
      `--directory=${root}`,
      `--machine=${shortName('am-', folder)}`,
      `--hostname=${name}`,
      '--register=no',
      '--keep-unit',
      `--network-namespace-path=/run/netns/${namespace}`,
      '--capability=CAP_NET_ADMIN,CAP_NET_RAW',
      '--rlimit=NOFILE=1024:524288',
      `--bind-ro=${hosts}:/etc/hosts`,
      '--resolv-conf=off',
      '--timezone=off',
      '--link-journal=no',
      '--console=pipe',
    ],
    {
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: process.env['PATH'] ?? '', SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network' },
    },
  );
  closeSync(log);
  const started = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(
        new AppError('machine_start_failed', 'systemd-nspawn cannot be run on this host', {
          hint: 'apt-get install systemd-container',
          cause,
        }),
      ),
    );
  });
  await started;
  child.unref();
  await writeFileAtomic(join(folder, 'pid'), `${child.pid}\n`, { durable: false });
}

/** By its number as long as that is right; it may have gone to another process, or never have been written down. */
async function findProcess(folder: string): Promise<number | undefined> {
  const { root } = placeOf(folder);
  const isOurs = (pid: number) =>
    pid > 0 && isRunning(pid) && commandLine(pid).includes(`--directory=${root}`);
  const kept = Number(await readTextIfExists(join(folder, 'pid')));
  if (isOurs(kept)) return kept;
  return (await readdir('/proc')).map(Number).find(isOurs);
}

function children(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
  return text
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);
}

async function untilEnded(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (!isRunning(pid)) return true;
    await systemClock.sleep(POLL_MS);
  }
  return false;
}
