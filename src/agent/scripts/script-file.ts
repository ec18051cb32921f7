import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../base/errors.ts';
import type { SystemUser } from '../../host/users.ts';

/** A program that may not be run, with the reason in words and what to do. */
export class ScriptRefused extends Error {
  override readonly name = 'ScriptRefused';
}

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Opens a program of the folder for checks, after a look at who may change it: what somebody else may write would run
 * with the agent's means. The file that was looked at is the one that is run, whatever is put in its place meanwhile.
 * @param user who is to run it; undefined for the agent's own user.
 * @throws ScriptRefused
 */
export async function openScript(directory: string, name: string, user?: SystemUser): Promise<FileHandle> {
  const path = join(directory, name);
  await checkDirectory(directory);
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw new ScriptRefused(openFault(path, error));
  });
  try {
    const stat = await file.stat();
    const { mode, uid, gid } = stat;
    if (!stat.isFile()) throw new ScriptRefused(`${path} is no file`);
    if (!isTrusted(uid)) throw new ScriptRefused(`${path} belongs to another user; chown it to ${owner()}`);
    if ((mode & WRITABLE_BY_OTHERS) !== 0)
      throw new ScriptRefused(`${path} can be changed by others; chmod go-w ${path}`);
    const may = user ? accessOf({ mode, uid, gid }, user) : mode >> 6;
    if ((may & 0o1) === 0) throw new ScriptRefused(`${path} is not executable; chmod a+rx ${path}`);
    if ((may & 0o4) === 0)
      throw new ScriptRefused(`${path} is not readable for the user that runs it; chmod a+rx ${path}`);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function checkDirectory(directory: string): Promise<void> {
  const stat = await lstat(directory).catch(() => undefined);
  if (!stat) throw new ScriptRefused(`there is no folder ${directory}; make it and put the program there`);
  if (!stat.isDirectory()) throw new ScriptRefused(`${directory} is no folder`);
  if (!isTrusted(stat.uid))
    throw new ScriptRefused(`${directory} belongs to another user; chown it to ${owner()}`);
  if ((stat.mode & WRITABLE_BY_OTHERS) !== 0)
    throw new ScriptRefused(`${directory} can be changed by others; chmod go-w ${directory}`);
}

function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.getuid?.();
}

function owner(): string {
  return process.getuid?.() === 0 ? 'root' : 'the agent’s user';
}

/** The permission bits that count for a user. */
function accessOf(file: { mode: number; uid: number; gid: number }, { uid, gid }: SystemUser): number {
  if (file.uid === uid) return file.mode >> 6;
  return file.gid === gid ? file.mode >> 3 : file.mode;
}

function openFault(path: string, error: unknown): string {
  switch (systemCode(error)) {
    case 'ENOENT':
      return `there is no program ${path} on this machine; install it there`;
    case 'ELOOP':
      return `${path} is a symbolic link; put the program itself there`;
    case 'EACCES':
      return `${path} cannot be read by the agent; chmod a+rx ${path}`;
    default:
      return `${path} cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
  }
}
