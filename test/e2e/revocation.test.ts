import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type OcspResponder, startOcspResponder } from '../support/acme/ocsp-responder.ts';
import { startBackend } from '../support/backends.ts';
import { shakeHands } from '../support/fresh-clients.ts';
import { handshake } from '../support/handshake.ts';
import { startNameServer } from '../support/name-server.ts';
import { startPebble } from '../support/pebble.ts';
import { type Product, startProduct } from '../support/product.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { waitFor } from '../support/wait.ts';

const ADDRESS = '127.82.0.1';
const NAME = 'app.test';
/** An order takes some seconds, on a busy machine many. */
const PATIENCE_MS = 90_000;

const directory = await temporaryDirectory();
const stops: (() => Promise<unknown>)[] = [() => directory.remove()];
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

async function startAll(): Promise<{ product: Product; responder: OcspResponder; ca: string }> {
  const names = await startNameServer([`app A ${ADDRESS}`]);
  stops.push(() => names.stop());
  const responder = await startOcspResponder(join(directory.path, 'ocsp'));
  stops.push(() => responder.stop());
  const folder = join(directory.path, 'pebble');
  mkdirSync(folder);
  const pebble = await startPebble({
    directory: folder,
    nameServer: names.address,
    httpPort: 80,
    ocspUrl: responder.url,
  });
  stops.push(() => pebble.stop());
  await responder.follow(pebble);
  const backend = await startBackend({ name: 'web' });
  stops.push(() => backend.stop());
  const product = await startProduct({
    addressPool: '127.82.0.0/24',
    env: {
      AGENTMETAL_ACME_SERVER: pebble.directoryUrl,
      AGENTMETAL_ACME_CA_BUNDLE: pebble.caBundle,
      AGENTMETAL_RESOLVER: names.address,
    },
  });
  stops.push(() => product.stop());
  await product.sh(`agentmetal lb create web-lb --type http --target ${backend.target}`);
  return { product, responder, ca: await pebble.root() };
}

it('a certificate that its CA has revoked is told of and replaced at once, and no handshake fails', async () => {
  const { product, responder, ca } = await startAll();
  const serial = async () => (await handshake(ADDRESS, { name: NAME, ca })).certificate.serialNumber;
  const staple = async () => (await handshake(ADDRESS, { name: NAME, ca })).staple;
  const status = async () => (await product.loadBalancer('web-lb')).status;
  /** The agent asks the CA each hour, and when it starts. */
  const restartAgent = async () => process.kill((await product.pids()).agent, 'SIGKILL');

  // Without autoRenew it is told, and nothing else is done.
  await product.sh(`agentmetal lb tls set web-lb --domain ${NAME} --no-auto-renew`);
  await waitFor('the word of the CA', staple, PATIENCE_MS);
  const first = await serial();
  const pid = (await status()).nodes[0]?.haproxy?.workerPid;
  const clients = shakeHands(ADDRESS, { name: NAME, ca });
  try {
    responder.revoke(first, 'keyCompromise');
    await restartAgent();
    await waitFor(
      'the revocation',
      async () => (await status()).certificates[0]?.state === 'revoked',
      PATIENCE_MS,
    );
    const { state, certificates } = await status();
    expect(state).toBe('degraded');
    expect(certificates).toMatchObject([
      { serial: first, revocationReason: 'keyCompromise', revokedAt: '2026-11-20T01:02:03.000Z' },
    ]);
    const shown = (await product.sh('agentmetal lb tls show web-lb')).stdout;
    expect(shown).toMatch(/^ {2}State: +revoked$/m);
    expect(shown).toMatch(/^ {2}Alert: +critical: its CA has revoked it: clients that look refuse it$/m);
    expect(shown).toMatch(/Reason: .*\(keyCompromise: somebody else may have its key\)/);
    expect(shown).toMatch(/What to do: .*agentmetal lb tls renew/);
    await waitFor('no word to clients', async () => (await staple()) === undefined, PATIENCE_MS);
    expect(await serial()).toBe(first);

    // With it, another one is there as soon as the CA has issued it, and it is good.
    await product.sh('agentmetal lb tls set web-lb --auto-renew');
    await waitFor('another one', async () => (await serial()) !== first, PATIENCE_MS);
    await waitFor('its good word', staple, PATIENCE_MS);
    await waitFor('it to be told', async () => (await status()).state === 'active', PATIENCE_MS);
    expect((await status()).certificates).toMatchObject([{ state: 'active', alert: 'none' }]);
  } finally {
    const { shaken, faults } = await clients.stop();
    expect(faults).toEqual([]);
    expect(shaken).toBeGreaterThan(20);
  }
  expect((await status()).nodes[0]?.haproxy?.workerPid).toBe(pid);
  const events = (await product.sh('agentmetal lb events web-lb --type "certificate.*"')).stdout;
  expect(events).toMatch(
    /error +certificate\.revoked +web-lb: the certificate for app\.test: revoked by its CA/,
  );
  expect(events).toMatch(/certificate\.renewed/);
}, 240_000);
