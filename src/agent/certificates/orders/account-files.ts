import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { AcmeAccount } from '../../../api/acme-accounts.ts';
import { systemCode } from '../../../base/errors.ts';
import { readTextIfExists, writeFileAtomic } from '../../../host/files.ts';
import type { AccountPaths } from '../paths.ts';
import { thumbprintOf } from './thumbprint.ts';

const KEY_FILE = 'private_key.json';
const REGISTRATION_FILE = 'regr.json';
const META_FILE = 'meta.json';

/** The thumbprint of the one account in certbot's folder; undefined when there is none that can be read. */
export async function readThumbprint(config: string): Promise<string | undefined> {
  try {
    const file = await findKey(config);
    return file === undefined ? undefined : thumbprintOf(await readFile(file, 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The account with all that certbot needs of it; undefined when there is none that can be read. */
export async function readAccount({ config, about }: AccountPaths): Promise<AcmeAccount | undefined> {
  if ((await readThumbprint(config)) === undefined) return undefined;
  const key = (await findKey(config)) ?? '';
  const text = (file: string) => readFile(join(dirname(key), file), 'utf8');
  return AcmeAccount.parse({
    id: basename(dirname(key)),
    privateKey: await text(KEY_FILE),
    registration: await text(REGISTRATION_FILE),
    meta: await text(META_FILE),
    about: (await readTextIfExists(about)) ?? '{}',
  });
}

/** Puts a copy of the account where certbot looks: of this one alone, for certbot asks which one is meant where there are two. */
export async function copyAccount(config: string, to: string): Promise<void> {
  const key = await findKey(config);
  if (key === undefined) return;
  const folder = relative(config, dirname(key));
  await cp(join(config, folder), join(to, folder), { recursive: true });
}

/**
 * Puts an account in the place of the one that is there.
 * @param server directory of the CA; certbot's folder is named by it
 * @throws SyntaxError when the key is none
 */
export async function installAccount(
  { config, about }: AccountPaths,
  server: string,
  account: AcmeAccount,
): Promise<void> {
  thumbprintOf(account.privateKey);
  const place = server.replace(/^[a-z]+:\/\//, '').split('/');
  const folder = join(config, 'accounts', ...place, account.id);
  await rm(config, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const write = (file: string, text: string) => writeFile(join(folder, file), text, { mode: 0o600 });
  await write(REGISTRATION_FILE, account.registration);
  await write(META_FILE, account.meta);
  await writeFileAtomic(about, account.about);
  // By its key an account is known: it comes last.
  await write(KEY_FILE, account.privateKey);
}

/** A copy, in case that the disk forgets the account. */
export async function backUp({ config, about, backup }: AccountPaths): Promise<void> {
  await rm(backup, { recursive: true, force: true });
  await mkdir(backup, { recursive: true, mode: 0o700 });
  await cp(config, join(backup, 'config'), { recursive: true });
  await cp(about, join(backup, 'account.json'));
}

async function findKey(config: string): Promise<string | undefined> {
  const folder = join(config, 'accounts');
  const files = (await readdir(folder, { recursive: true })).sort();
  const file = files.find((name) => name.endsWith(`/${KEY_FILE}`));
  return file === undefined ? undefined : join(folder, file);
}
