import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { type Nic, allowPassage, ensureBridge, forbidPassage, removeBridge, shortName } from './links.ts';

/**
 * How this host reaches the machines that it has made, and their agents reach it, whatever their other networks are: an
 * IPv6 network of its own (RFC 4193), on which a machine reaches the host and nobody else, and from which nothing is
 * passed on. Its prefix is random, so that it is no network of anybody's.
 */
export interface Management {
  /** This host's address. */
  hostAddress: string;
  /** A machine's address, the same each time. */
  addressOf(machineId: string): string;
  nicOf(machineId: string): Nic;
  /** Makes the network when it is not there, as after a start of the host. */
  ensure(): Promise<void>;
  /** The next one has another prefix. */
  remove(): Promise<void>;
}

/** @param file where the prefix is kept, from the first time on. */
export async function openManagement(file: string): Promise<Management> {
  const prefix = await prefixIn(file);
  const bridge = { name: shortName('aml', file) };
  const hostAddress = `${prefix}::1`;
  const addressOf = (machineId: string) => `${prefix}:${hostPart(machineId)}`;
  return {
    hostAddress,
    addressOf,
    nicOf: (machineId) => ({
      name: 'host0',
      bridge,
      address: `${addressOf(machineId)}/64`,
      routes: [],
      isIsolated: true,
    }),
    async ensure() {
      await ensureBridge(bridge, `${hostAddress}/64`);
      await forbidPassage(bridge.name);
    },
    async remove() {
      await allowPassage(bridge.name);
      await removeBridge(bridge);
      await rm(file, { force: true });
    },
  };
}

async function prefixIn(file: string): Promise<string> {
  const kept = await readTextIfExists(file);
  if (kept !== undefined) return kept.trim();
  const bytes = randomBytes(6);
  bytes[0] = 0xfd;
  const groups = bytes.toString('hex').match(/..../g) ?? [];
  // The fourth group counts networks of the site, of which there is one.
  const prefix = [...groups, '1'].join(':');
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFileAtomic(file, `${prefix}\n`);
  return prefix;
}

/** Never zero in its first bits, so that no host part looks like the host's own. */
function hostPart(machineId: string): string {
  const hash = createHash('sha256').update(machineId).digest('hex').slice(0, 15);
  return (`a${hash}`.match(/..../g) ?? []).join(':');
}
