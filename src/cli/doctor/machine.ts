import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../../base/errors.ts';
import { type Finding, advice, missing, ok } from './check.ts';

/** Below this, a busy load balancer runs out of descriptors: each connection takes two. */
const FEWEST_DESCRIPTORS = 65_536;
const CAP_NET_BIND_SERVICE = 1n << 10n;

/** Whether all state can be kept in the data directory, which may not exist yet. */
export async function checkDataDir(dataDir: string): Promise<Finding> {
  const place = await nearestExisting(dataDir);
  try {
    await access(place, constants.W_OK | constants.X_OK);
  } catch {
    const remedy = 'Run as root, or choose another: AGENTMETAL_DATA_DIR=~/agentmetal';
    return missing('data directory', `${dataDir} cannot be written (${place})`, remedy);
  }
  return ok('data directory', place === dataDir ? `${dataDir} can be written` : `${dataDir} can be made`);
}

/** Whether ports 80 and 443 may be bound by this user. */
export async function checkLowPorts(): Promise<Finding> {
  const first = Number(await readOr('/proc/sys/net/ipv4/ip_unprivileged_port_start', '1024'));
  const capabilities = /^CapEff:\s*([0-9a-f]+)/m.exec(await readOr('/proc/self/status', ''))?.[1] ?? '0';
  const capable = (BigInt(`0x${capabilities}`) & CAP_NET_BIND_SERVICE) !== 0n;
  if (capable || first <= 80) return ok('low ports', 'ports 80 and 443 may be bound');
  return advice(
    'low ports',
    `ports below ${first} may not be bound by this user; they are shifted`,
    'Run as root, or: sysctl net.ipv4.ip_unprivileged_port_start=80',
  );
}

export async function checkDescriptors(): Promise<Finding> {
  const line = /^Max open files\s+(\S+)\s+(\S+)/m.exec(await readOr('/proc/self/limits', ''));
  const hard = line?.[2] === 'unlimited' ? Infinity : Number(line?.[2] ?? Infinity);
  if (hard >= FEWEST_DESCRIPTORS)
    return ok('file descriptors', `up to ${hard === Infinity ? 'any number' : hard}`);
  return advice(
    'file descriptors',
    `only ${hard}; ${FEWEST_DESCRIPTORS} or more are good for a busy load balancer`,
    `ulimit -Hn ${FEWEST_DESCRIPTORS}, or LimitNOFILE= of the service`,
  );
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    const code = systemCode(error);
    const parent = dirname(path);
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || parent === path) return path;
    return nearestExisting(parent);
  }
}

async function readOr(path: string, fallback: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    // Other systems than Linux have no /proc; then the usual limits are taken.
    return fallback;
  }
}
