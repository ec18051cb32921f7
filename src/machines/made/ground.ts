import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import type { Nic } from '../network/links.ts';
import { openManagement } from '../network/management.ts';
import { ensureNics } from '../network/networks.ts';
import { type KeyPair, fingerprintOfLine, generateKeyPair } from '../ssh/keys.ts';
import type { SshTarget } from '../ssh/target.ts';
import type { MadeWanted } from './driver.ts';
import { addHost, ensureHosts, removeHost } from './hosts.ts';
import { type Turns, createTurns } from './turns.ts';

/** What one machine stands on. */
export interface Footing {
  /** Its network cards; the last is the one by which this host reaches it. */
  nics: readonly Nic[];
  /** Path of the hosts file of its VPC. */
  hosts: string;
  hostKey: KeyPair;
  /** Public key, as in authorized_keys, of who may come in as root. */
  authorizedKey: string;
  /** How it is logged in to. */
  target: SshTarget;
}

/** What all machines of this host have in common, whatever makes them: networks, keys, names. */
export interface Ground {
  dataDir: string;
  /** The address of this host that every machine reaches, once {@link ready} is done. */
  hostAddress: string;
  inTurn: Turns;
  /** The folder of a machine. */
  folderOf(wanted: Pick<MadeWanted, 'id'>): string;
  /** Makes what all machines have in common when it is not there, as after a start of the host. */
  ready(): Promise<void>;
  /** Has there what a machine stands on, and its name in the VPC. */
  prepare(wanted: MadeWanted): Promise<Footing>;
  /** Takes its name out of the VPC. */
  forget(wanted: Pick<MadeWanted, 'name' | 'network'>): Promise<void>;
  /** Removes what machines have in common, after the last of them. */
  close(): Promise<void>;
}

export async function openGround(dataDir: string): Promise<Ground> {
  const management = await openManagement(join(dataDir, 'machines/management-prefix'));
  const inTurn = createTurns();
  const folderOf = ({ id }: Pick<MadeWanted, 'id'>) => join(dataDir, 'machines', id);
  const hostsFolder = ({ network }: Pick<MadeWanted, 'network'>) => join(dataDir, 'vpcs', network.vpc.id);
  return {
    dataDir,
    hostAddress: management.hostAddress,
    inTurn,
    folderOf,
    ready: () => inTurn('networks', () => management.ensure()),
    async prepare(wanted) {
      const access = await inTurn('access', () =>
        keyPair(join(dataDir, 'machines/access-key'), 'agentmetal'),
      );
      const hostKey = await keyPair(join(folderOf(wanted), 'host-key'), wanted.name);
      const { hosts, nics } = await inTurn('networks', async () => {
        await management.ensure();
        return {
          hosts: await ensureHosts(hostsFolder(wanted)),
          nics: await ensureNics(dataDir, wanted.network),
        };
      });
      const address = wanted.network.address.split('/')[0] ?? '';
      await inTurn('hosts', () => addHost(hosts, { address, name: wanted.name, vpc: wanted.vpc }));
      return {
        hosts,
        nics: [...nics, management.nicOf(wanted.id)],
        hostKey,
        authorizedKey: access.public,
        target: {
          host: management.addressOf(wanted.id),
          port: 22,
          user: 'root',
          privateKey: access.private,
          hostKey: fingerprintOfLine(hostKey.public),
        },
      };
    },
    forget: (wanted) =>
      inTurn('hosts', async () => removeHost(await ensureHosts(hostsFolder(wanted)), wanted.name)),
    close: () => management.remove(),
  };
}

/** A pair of keys that is made once; the public half lies beside the private one. */
async function keyPair(path: string, comment: string): Promise<KeyPair> {
  const [kept, shown] = [await readTextIfExists(path), await readTextIfExists(`${path}.pub`)];
  if (kept !== undefined && shown !== undefined) return { private: kept, public: shown };
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
  const pair = generateKeyPair(comment);
  await writeFileAtomic(`${path}.pub`, pair.public);
  await writeFileAtomic(path, pair.private);
  return pair;
}
