import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TsigKey } from '../../../src/spec/dns-zone.ts';
import { freePort, temporaryDirectory } from '../temporary.ts';
import { startDaemon } from './daemon.ts';
import { ZONE, ZONE_LINES, type ZoneServer, newTsigKey, resolverOf, waitForZone } from './zone-server.ts';

/** BIND with a key that may change the zone, and a second one `other-key` that it knows and that may not. */
export async function startBind(
  at: { address?: string; port?: number } = {},
): Promise<ZoneServer & { otherKey: TsigKey }> {
  const directory = await temporaryDirectory();
  const { address = '127.0.0.1', port = await freePort() } = at;
  const [key, otherKey] = [newTsigKey(), newTsigKey('other-key')];
  const zone = join(directory.path, 'zone');
  const config = join(directory.path, 'named.conf');
  await writeFile(zone, ZONE_LINES);
  await writeFile(
    config,
    `${[key, otherKey].map(({ name, algorithm, secret }) => `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };`).join('\n')}
options { directory "${directory.path}"; listen-on port ${port} { ${address}; }; listen-on-v6 { none; }; pid-file none;
  session-keyfile none; recursion no; allow-transfer { none; }; notify no; };
controls { };
zone "${ZONE}" { type primary; file "${zone}"; update-policy { grant ${key.name} zonesub A AAAA TXT; }; };
`,
    { mode: 0o600 },
  );
  const daemon = startDaemon('/usr/sbin/named', ['-g', '-c', config, '-n', '1']);
  const resolver = resolverOf(port, address);
  const stop = async () => {
    await daemon.stop();
    await directory.remove();
  };
  await waitForZone(resolver, daemon).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { port, key, otherKey, resolver, stop };
}
