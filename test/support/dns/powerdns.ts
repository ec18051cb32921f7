import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { freePort, temporaryDirectory } from '../temporary.ts';
import { waitFor } from '../wait.ts';
import { startDaemon } from './daemon.ts';
import { ZONE, type ZoneServer, newTsigKey, resolverOf, waitForZone } from './zone-server.ts';

const SCHEMA = '/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql';
const API_KEY = 'the-api-key-of-this-test';

/** PowerDNS with its HTTP API, and with a TSIG key that may change the zone. */
export async function startPowerDns(): Promise<ZoneServer & { url: string; apiKey: string }> {
  const directory = await temporaryDirectory();
  const [port, apiPort, key] = [await freePort(), await freePort(), newTsigKey()];
  const run = join(directory.path, 'run');
  const file = join(directory.path, 'pdns.sqlite3');
  await mkdir(run);
  const database = new DatabaseSync(file);
  database.exec(await readFile(SCHEMA, 'utf8'));
  database.close();
  await writeFile(
    join(directory.path, 'pdns.conf'),
    `daemon=no
guardian=no
launch=gsqlite3
gsqlite3-database=${file}
gsqlite3-pragma-synchronous=0
local-address=127.0.0.1
local-port=${port}
socket-dir=${run}
webserver=yes
webserver-address=127.0.0.1
webserver-port=${apiPort}
api=yes
api-key=${API_KEY}
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
receiver-threads=1
distributor-threads=1
zone-cache-refresh-interval=0
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
setuid=
setgid=
`,
    { mode: 0o600 },
  );
  const daemon = startDaemon('/usr/sbin/pdns_server', [`--config-dir=${directory.path}`]);
  const url = `http://127.0.0.1:${apiPort}`;
  const stop = async () => {
    await daemon.stop();
    await directory.remove();
  };
  const resolver = resolverOf(port);
  const api = (method: string, path: string, body?: object) =>
    callApi(`${url}/api/v1/servers/localhost${path}`, method, body);
  try {
    await waitFor('the API of PowerDNS', () => api('GET', '/zones'));
    await fillZone(api, key);
    await waitForZone(resolver, daemon);
  } catch (error) {
    await stop();
    throw new Error(`PowerDNS did not start: ${daemon.output()}`, { cause: error });
  }
  return { port, key, resolver, url, apiKey: API_KEY, stop };
}

type Call = (method: string, path: string, body?: object) => Promise<boolean>;

async function callApi(url: string, method: string, body?: object): Promise<boolean> {
  const headers = { 'x-api-key': API_KEY, 'content-type': 'application/json' };
  const answer = await fetch(url, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
  return true;
}

async function fillZone(api: Call, { name, algorithm, secret }: ZoneServer['key']): Promise<void> {
  const rrset = (record: string, type: string, content: string) => ({
    name: `${record}.${ZONE}.`,
    type,
    ttl: 60,
    records: [{ content, disabled: false }],
  });
  await api('POST', '/zones', {
    name: `${ZONE}.`,
    kind: 'Native',
    nameservers: [`ns1.${ZONE}.`],
    rrsets: [
      rrset('ns1', 'A', '127.0.0.1'),
      rrset('taken', 'A', '203.0.113.9'),
      rrset('alias', 'CNAME', 'elsewhere.example.net.'),
      rrset('*.wild', 'A', '203.0.113.77'),
    ],
  });
  await api('POST', '/tsigkeys', { name, algorithm, key: secret });
  await api('PUT', `/zones/${ZONE}./metadata/TSIG-ALLOW-DNSUPDATE`, {
    kind: 'TSIG-ALLOW-DNSUPDATE',
    metadata: [name],
  });
}
