import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, temporaryDirectory } from '../temporary.ts';
import { startDaemon } from './daemon.ts';
import { ZONE, ZONE_LINES, type ZoneServer, newTsigKey, resolverOf, waitForZone } from './zone-server.ts';

/** Knot DNS with a key that may change the zone. */
export async function startKnot(): Promise<ZoneServer> {
  const directory = await temporaryDirectory();
  const port = await freePort();
  const key = newTsigKey();
  const config = join(directory.path, 'knot.conf');
  await mkdir(join(directory.path, 'run'));
  await writeFile(join(directory.path, `${ZONE}.zone`), ZONE_LINES);
  await writeFile(
    config,
    `server:
    rundir: "${join(directory.path, 'run')}"
    listen: 127.0.0.1@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "${directory.path}"
log:
  - target: stderr
    any: info
key:
  - id: ${key.name}
    algorithm: ${key.algorithm}
    secret: ${key.secret}
acl:
  - id: update
    key: ${key.name}
    action: update
zone:
  - domain: ${ZONE}
    storage: "${directory.path}"
    file: "${ZONE}.zone"
    acl: update
    zonefile-sync: -1
    journal-content: all
    zonefile-load: difference-no-serial
`,
    { mode: 0o600 },
  );
  const daemon = startDaemon('/usr/sbin/knotd', ['-c', config]);
  const resolver = resolverOf(port);
  const stop = async () => {
    await daemon.stop();
    await directory.remove();
  };
  await waitForZone(resolver, daemon).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { port, key, resolver, stop };
}
