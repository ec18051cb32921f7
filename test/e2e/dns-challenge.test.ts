import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startSecondary } from '../support/acme/secondary.ts';
import { startZone } from '../support/acme/zone.ts';
import { startBackend } from '../support/backends.ts';
import { get, handshake } from '../support/handshake.ts';
import { hasOwnNetwork } from '../support/own-network.ts';
import { startPebble } from '../support/pebble.ts';
import { startProduct } from '../support/product.ts';
import { loopbackAddress, temporaryDirectory } from '../support/temporary.ts';
import { waitFor } from '../support/wait.ts';

/** The primary's address, and that of the zone's other name server; zones are asked on port 53 alone. */
const PRIMARY = '192.0.2.61';
const SECONDARY = loopbackAddress();
const PATIENCE_MS = 90_000;

const directory = await temporaryDirectory();
const stops: (() => unknown)[] = [() => directory.remove()];
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

it.runIf(hasOwnNetwork())(
  'a wildcard is proved by DNS through control plane and agent, when every name server shows it',
  async () => {
    execFileSync('ip', ['address', 'add', `${PRIMARY}/32`, 'dev', 'lo']);
    stops.push(() => execFileSync('ip', ['address', 'del', `${PRIMARY}/32`, 'dev', 'lo']));
    const zone = await startZone(directory.path, {
      origin: 'example.test',
      address: PRIMARY,
      port: 53,
      records: ['@ NS ns2', `ns2 A ${SECONDARY}`],
    });
    stops.push(() => zone.stop());
    const secondary = await startSecondary(directory.path, zone, SECONDARY);
    stops.push(() => secondary.stop());
    const folder = join(directory.path, 'pebble');
    mkdirSync(folder);
    // The CA asks the server that lags behind.
    const pebble = await startPebble({ directory: folder, nameServer: `${SECONDARY}:53`, httpPort: 80 });
    stops.push(() => pebble.stop());
    const backend = await startBackend({ name: 'web' });
    stops.push(() => backend.stop());
    const product = await startProduct({
      env: {
        AGENTMETAL_ACME_SERVER: pebble.directoryUrl,
        AGENTMETAL_ACME_CA_BUNDLE: pebble.caBundle,
        AGENTMETAL_RESOLVER: zone.address,
      },
    });
    stops.push(() => product.stop());
    const sh = async (line: string) => {
      const { code, stdout, stderr } = await product.sh(line);
      expect(code, `${line}\n${stderr}`).toBe(0);
      return stdout;
    };
    const certificates = async () => (await product.loadBalancer('web-lb')).status.certificates;

    await sh(`agentmetal lb create web-lb --type http --target ${backend.target}`);
    await sh("agentmetal lb tls set web-lb --domain '*.example.test' --challenge dns");
    const reasonCode = async () => (await certificates())[0]?.reasonCode;
    await waitFor('the lack of a zone', async () => (await reasonCode()) === 'no_dns_zone', PATIENCE_MS);
    expect(await certificates()).toMatchObject([{ state: 'pending' }]);

    await sh(
      `agentmetal dns zone add example.test --provider rfc2136 --server ${PRIMARY} --secret-file ${zone.keyFile}`,
    );
    const challenge = () => zone.txt('_acme-challenge.example.test');
    await waitFor('the record', async () => (await challenge()).length === 1, PATIENCE_MS);
    expect(await certificates()).toMatchObject([{ domain: '*.example.test', state: 'obtaining' }]);
    await secondary.follow();
    await waitFor('the certificate', async () => (await certificates())[0]?.state === 'active', PATIENCE_MS);

    const [address = ''] = (await product.loadBalancer('web-lb')).status.addresses;
    const ca = await pebble.root();
    const name = 'shop.example.test';
    expect(await handshake(address, { name, ca, request: get(name) })).toMatchObject({
      authorized: true,
      answer: expect.stringMatching(/^HTTP\/1.1 200 .*web$/s),
    });
    await waitFor('the record to go', async () => (await challenge()).length === 0);

    // Where the zone cannot be changed any more, the CA is not asked, and the certificate goes on being served.
    await zone.stop();
    await sh('agentmetal lb tls renew web-lb');
    await waitFor('it to be told', async () => (await reasonCode()) === 'txt_not_published', PATIENCE_MS);
    expect(await certificates()).toMatchObject([
      { state: 'active', attempts: 0, reason: expect.stringContaining('ECONNREFUSED') },
    ]);
    expect(await handshake(address, { name, ca })).toMatchObject({ authorized: true });
  },
  240_000,
);
