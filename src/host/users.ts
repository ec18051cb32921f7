import { readFileSync } from 'node:fs';

/** A user of this machine, by number. */
export interface SystemUser {
  uid: number;
  gid: number;
}

/** The user of that name; undefined when the machine has none. */
export function findUser(name: string): SystemUser | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
