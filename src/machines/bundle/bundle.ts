import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, messageOf } from '../../base/errors.ts';
import { VERSION } from '../../base/version.ts';
import { exec } from '../../host/exec.ts';
import { type PackedFile, agentFiles } from './contents.ts';
import { bundleName } from './describe.ts';

/** The product's folder, whether this runs as source or as built. */
const ROOT = join(import.meta.dirname, '../../..');
const PACK_MS = 120_000;

const making = new Map<string, Promise<string>>();

/**
 * The path of the agent packed for machines: its own Node runtime, and what of this product an agent needs. It is made
 * when it is first asked for, and kept in the data directory; another version takes the place of the one before.
 * @throws AppError `bundle_failed`, as on a full disk
 */
export function agentBundle(dataDir: string, root = ROOT): Promise<string> {
  const folder = join(dataDir, 'bundles');
  const running = making.get(folder) ?? findOrMake(folder, root).finally(() => making.delete(folder));
  making.set(folder, running);
  return running;
}

async function findOrMake(folder: string, root: string): Promise<string> {
  const architecture = process.arch;
  try {
    const files = await agentFiles(root, architecture);
    const name = bundleName(`${VERSION}-${await contentHash(files)}`, architecture);
    const path = join(folder, name);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const present = await readdir(folder);
    if (present.includes(name)) return path;
    await make(files, path, name);
    await Promise.all(present.map((old) => rm(join(folder, old), { recursive: true, force: true })));
    return path;
  } catch (cause) {
    throw new AppError('bundle_failed', `the agent could not be packed for machines: ${messageOf(cause)}`, {
      hint: `Look whether the product is built and whole (in a checkout: npm run setup), and whether ${folder} has room.`,
      cause,
    });
  }
}

/** Two bundles are the same when all files are; the runtime, which is large, is known by its package's version. */
async function contentHash(files: readonly PackedFile[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { from, to } of files.filter((file) => !isRuntime(file))) {
    hash
      .update(`${to}\0`)
      .update(await readFile(from))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 12);
}

function isRuntime({ to }: PackedFile): boolean {
  return to.endsWith('/bin/node');
}

async function make(files: readonly PackedFile[], path: string, name: string): Promise<void> {
  const staging = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    for (const { from, to } of files) {
      const target = join(staging, 'tree', to);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(from, target);
    }
    const version = name.replace(/^agentmetal-agent-/, '').replace(/-linux-\w+\.tar\.gz$/, '');
    await writeFile(join(staging, 'tree/VERSION'), `${version}\n`);
    await pack(join(staging, 'tree'), join(staging, name));
    await rename(join(staging, name), path);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** The same files make the same archive, whoever packs them and when. */
async function pack(tree: string, archive: string): Promise<void> {
  const sameness = [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=u+rw,go+r,go-w,a+X',
  ];
  const result = await exec(
    'tar',
    [...sameness, '-I', 'gzip -n -4', '-cf', archive, '-C', tree, '.'],
    PACK_MS,
  );
  if (result.code !== 0) throw new Error(`tar failed: ${result.stderr.trim()}`);
}
