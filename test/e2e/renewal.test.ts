import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { startBackend } from '../support/backends.ts';
import { handshake } from '../support/handshake.ts';
import { startNameServer } from '../support/name-server.ts';
import { startPebble } from '../support/pebble.ts';
import { startProduct } from '../support/product.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { waitFor } from '../support/wait.ts';

const ADDRESS = '127.81.0.1';
const NAME = 'app.test';
const LIFE_SECONDS = 40;
const CERTIFICATES = 3;
const CLIENTS = 2;
const PAUSE_MS = 20;
/** An order takes some seconds, on a busy machine many. */
const PATIENCE_MS = 90_000;

const directory = await temporaryDirectory();
const stops: (() => Promise<unknown>)[] = [() => directory.remove()];
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

/** Clients that shake hands on connections of their own, and trust the CA alone, until they are stopped. */
function shakeHands(ca: string) {
  let isOver = false;
  let shaken = 0;
  const serials = new Set<string>();
  const faults: string[] = [];
  const once = async () => {
    try {
      const { authorized, certificate } = await handshake(ADDRESS, { name: NAME, ca });
      shaken += 1;
      serials.add(certificate.serialNumber);
      if (!authorized) faults.push(`not trusted: ${certificate.serialNumber} until ${certificate.valid_to}`);
    } catch (error) {
      faults.push(String(error));
    }
  };
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!isOver) {
      await once();
      // Others test on the same machine.
      await setTimeout(PAUSE_MS);
    }
  });
  return {
    serials,
    faults,
    async stop() {
      isOver = true;
      await Promise.all(clients);
      return shaken;
    },
  };
}

it('a certificate of 40 seconds is renewed by itself, and no handshake fails, whatever happens to the agent', async () => {
  const names = await startNameServer([`app A ${ADDRESS}`]);
  stops.push(() => names.stop());
  const folder = join(directory.path, 'pebble');
  mkdirSync(folder);
  const pebble = await startPebble({
    directory: folder,
    nameServer: names.address,
    httpPort: 80,
    validitySeconds: LIFE_SECONDS,
  });
  stops.push(() => pebble.stop());
  const backend = await startBackend({ name: 'web' });
  stops.push(() => backend.stop());
  const product = await startProduct({
    addressPool: '127.81.0.0/24',
    env: {
      AGENTMETAL_ACME_SERVER: pebble.directoryUrl,
      AGENTMETAL_ACME_CA_BUNDLE: pebble.caBundle,
      AGENTMETAL_RESOLVER: names.address,
    },
  });
  stops.push(() => product.stop());
  const worker = async () => (await product.loadBalancer('web-lb')).status.nodes[0]?.haproxy?.workerPid;
  await product.sh(`agentmetal lb create web-lb --type http --target ${backend.target}`);
  await product.sh(`agentmetal lb tls set web-lb --domain ${NAME}`);
  const ca = await pebble.root();
  await waitFor(
    'the first certificate',
    async () => (await handshake(ADDRESS, { name: NAME, ca })).authorized,
    PATIENCE_MS,
  );
  const pid = await worker();
  const clients = shakeHands(ca);
  const until = (count: number) =>
    waitFor(`certificate ${count}`, () => clients.serials.size >= count, PATIENCE_MS);
  try {
    await until(2);
    // The agent is killed while certbot runs for it; the next one sees the order through.
    const run = join(product.dataDir, 'agent/certificates/names', NAME, 'order/run.json');
    await waitFor('an order', () => existsSync(run), PATIENCE_MS);
    const { agent } = await product.pids();
    process.kill(agent, 'SIGKILL');
    await until(CERTIFICATES);
  } finally {
    const shaken = await clients.stop();
    expect(clients.faults).toEqual([]);
    expect(shaken).toBeGreaterThan(100);
  }
  expect(await worker()).toBe(pid);
}, 300_000);
