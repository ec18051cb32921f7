import { mkdir, writeFile } from 'node:fs/promises';
import { Resolver } from 'node:dns/promises';
import { join } from 'node:path';
import { type Daemon, startDaemon } from '../dns/daemon.ts';
import { loopbackAddress } from '../temporary.ts';
import { waitFor } from '../wait.ts';
import type { Zone } from './zone.ts';

/** A real Knot that has the zone from its primary as it is now, and learns nothing of later changes by itself. */
export interface Secondary {
  /** Where it answers, on the primary's port. */
  address: string;
  /** Has it take the zone over anew. */
  follow(): Promise<void>;
  stop(): Promise<void>;
}

/** @param address as the zone's NS record says */
export async function startSecondary(
  directory: string,
  { origin, address: primaryAddress }: Pick<Zone, 'address' | 'origin'>,
  address = loopbackAddress(),
): Promise<Secondary> {
  const home = join(directory, `secondary-${address}`);
  await mkdir(home);
  const [primary, port] = primaryAddress.split(':');
  const config = join(home, 'knot.conf');
  // Nobody tells it of changes, and it asks once in an hour: the refresh of the zone.
  await writeFile(
    config,
    `server:
  listen: ${address}@${port}
  rundir: ${home}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: ${home}
log:
  - target: stderr
    any: info
remote:
  - id: primary
    address: ${primary}@${port}
zone:
  - domain: ${origin}
    master: primary
    zonefile-sync: -1
    zonefile-load: none
    journal-content: none
`,
  );
  const resolver = new Resolver({ timeout: 500, tries: 2 });
  resolver.setServers([`${address}:${port}`]);
  let daemon: Daemon | undefined;
  const stop = async () => {
    await daemon?.stop();
    daemon = undefined;
  };
  const start = async () => {
    const started = startDaemon('/usr/sbin/knotd', ['-c', config]);
    daemon = started;
    try {
      await waitFor('the secondary', async () => (await resolver.resolveSoa(origin)).serial > 0);
    } catch (error) {
      await stop();
      throw new Error(`the secondary has no zone: ${started.output()}`, { cause: error });
    }
  };
  await start();
  return {
    address,
    async follow() {
      await stop();
      await start();
    },
    stop,
  };
}
