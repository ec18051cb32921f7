import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startBackend } from '../support/backends.ts';
import { shakeHands } from '../support/fresh-clients.ts';
import { handshake } from '../support/handshake.ts';
import { startNameServer } from '../support/name-server.ts';
import { startPebble } from '../support/pebble.ts';
import { startProduct } from '../support/product.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { waitFor } from '../support/wait.ts';

const ADDRESS = '127.81.0.1';
const NAME = 'app.test';
const LIFE_SECONDS = 30;
/** An order takes some seconds, on a busy machine many. */
const PATIENCE_MS = 90_000;

const directory = await temporaryDirectory();
const stops: (() => unknown)[] = [() => directory.remove()];
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

it('a certificate of 30 seconds renews itself six times, and no handshake fails, whatever happens to agent and control plane', async () => {
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
  const status = async () => (await product.loadBalancer('web-lb')).status;
  const worker = async () => (await status()).nodes[0]?.haproxy?.workerPid;
  await product.sh(`agentmetal lb create web-lb --type http --target ${backend.target}`);
  await product.sh(`agentmetal lb tls set web-lb --domain ${NAME}`);
  const ca = await pebble.root();
  await waitFor(
    'the first certificate',
    async () => (await handshake(ADDRESS, { name: NAME, ca })).authorized,
    PATIENCE_MS,
  );
  const pid = await worker();
  const clients = shakeHands(ADDRESS, { name: NAME, ca });
  /** Has so many certificates been shown; what has gone wrong is not waited out. */
  const until = (count: number) =>
    waitFor(
      `certificate ${count}`,
      () => clients.faults.length > 0 || clients.serials.size >= count,
      PATIENCE_MS,
    );
  try {
    await until(3);
    // The agent is killed while certbot runs for it; the next one sees the order through.
    const run = join(product.dataDir, 'agent/certificates/names', NAME, 'order/run.json');
    await waitFor('an order', () => existsSync(run), PATIENCE_MS);
    const { agent, server } = await product.pids();
    process.kill(agent, 'SIGKILL');
    await until(4);
    // Without a control plane it goes on, for more than the whole life of a certificate.
    process.kill(server, 'SIGSTOP');
    stops.push(() => process.kill(server, 'SIGCONT'));
    await until(6);
    process.kill(server, 'SIGCONT');
    await until(7);
  } finally {
    const { shaken, faults } = await clients.stop();
    expect(faults).toEqual([]);
    expect(clients.leastLeftMs()).toBeGreaterThan(0);
    expect(shaken).toBeGreaterThan(500);
  }
  const newest = [...clients.serials].at(-1);
  await waitFor(
    'the control plane to know the newest',
    async () => (await status()).certificates[0]?.serial === newest,
  );
  expect(await worker()).toBe(pid);
}, 300_000);
