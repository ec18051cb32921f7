import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostLayout } from '../spec/host-layout.ts';

/** A Unix socket's path has room for 107 bytes; HAProxy adds its process id and `.tmp` while it binds. */
const LONGEST_SOCKET_DIRECTORY = 60;
const CHROOT = '/var/lib/haproxy';
/** Where ports below 1024 go when the agent may not bind them: 80 is served on 8080, 443 on 8443. */
export const UNPRIVILEGED_OFFSET = 8000;

/** Finds out what HAProxy may do on this machine. */
export function detectLayout(dataDir: string, lowPortOffset?: number): HostLayout {
  const isRoot = process.getuid?.() === 0;
  return {
    directory: join(dataDir, 'load-balancers'),
    socketDirectory: socketDirectory(dataDir),
    ...(isRoot && hasUser('haproxy') ? { user: 'haproxy', group: 'haproxy' } : {}),
    ...(isRoot && existsSync(CHROOT) ? { chroot: CHROOT } : {}),
    lowPortOffset: lowPortOffset ?? (mayBindLowPorts(isRoot) ? 0 : UNPRIVILEGED_OFFSET),
    ipv6: existsSync('/proc/net/if_inet6'),
  };
}

function socketDirectory(dataDir: string): string {
  const beside = join(dataDir, 'run');
  if (Buffer.byteLength(beside) <= LONGEST_SOCKET_DIRECTORY) return beside;
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
  return join(tmpdir(), `agentmetal-${process.getuid?.() ?? 0}-${name}`);
}

function hasUser(name: string): boolean {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .some((line) => line.startsWith(`${name}:`));
}

/** Whether this process may listen on port 80: by the system's threshold, or by CAP_NET_BIND_SERVICE (bit 10). */
function mayBindLowPorts(isRoot: boolean): boolean {
  if (isRoot) return true;
  const threshold = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return threshold <= 80 || ((BigInt(`0x${effective}`) >> 10n) & 1n) === 1n;
}

/** Addresses of this machine that clients elsewhere can use. */
export function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address);
}

/** The operating system as it names itself; undefined where it does not. */
export function operatingSystem(): string | undefined {
  const path = '/etc/os-release';
  if (!existsSync(path)) return undefined;
  return /^PRETTY_NAME="?([^"\n]{1,200})"?$/m.exec(readFileSync(path, 'utf8'))?.[1];
}
