import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { folderOf } from '../../certificates/names.ts';

/** Where what belongs to one name lies. */
export interface NamePaths {
  directory: string;
  /** What is known of it: what was asked, what failed, when it goes on. */
  record: string;
  /** Chain and key in use. */
  bundle: string;
  /** Those of before, in case that HAProxy refuses the new ones. */
  previous: string;
  /** What one run of certbot works in; made anew for each. */
  order: string;
}

export interface AccountPaths {
  directory: string;
  /** certbot's `accounts` folder. */
  config: string;
  /** When, with which terms and for whom it was made. */
  about: string;
  backup: string;
  /** Why none could be made the last time. */
  refusal: string;
}

/** Where names lie, one folder each. */
export function namesDirectory(root: string): string {
  return join(root, 'names');
}

export function namePaths(root: string, name: string): NamePaths {
  const directory = join(namesDirectory(root), folderOf(name));
  return {
    directory,
    record: join(directory, 'record.json'),
    bundle: join(directory, 'bundle.pem'),
    previous: join(directory, 'previous.pem'),
    order: join(directory, 'order'),
  };
}

/** Each CA has an account of its own. */
export function accountPaths(root: string, server: string): AccountPaths {
  const host = new URL(server).host.replaceAll(/[^a-z0-9.-]/g, '_');
  const id = `${host}-${createHash('sha256').update(server).digest('hex').slice(0, 8)}`;
  const directory = join(root, 'accounts', id);
  return {
    directory,
    config: join(directory, 'config'),
    about: join(directory, 'account.json'),
    backup: join(root, 'account-backups', id),
    refusal: join(root, 'registrations', `${id}.json`),
  };
}
