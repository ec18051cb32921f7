import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ask } from '../support/ask.ts';
import { startBackend } from '../support/backends.ts';
import { handshake } from '../support/handshake.ts';
import { startNameServer } from '../support/name-server.ts';
import { startPebble } from '../support/pebble.ts';
import { startProduct } from '../support/product.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { waitFor } from '../support/wait.ts';

const ADDRESS = '127.80.0.1';
/** An order takes some seconds, on a busy machine many. */
const PATIENCE_MS = 90_000;

const directory = await temporaryDirectory();
const stops: (() => Promise<unknown>)[] = [() => directory.remove()];
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

it('a domain is all that is given: its certificate, HTTPS, the redirect, a renewal without a reload', async () => {
  const names = await startNameServer([`app A ${ADDRESS}`, `www A ${ADDRESS}`]);
  stops.push(() => names.stop());
  const folder = join(directory.path, 'pebble');
  mkdirSync(folder);
  const pebble = await startPebble({ directory: folder, nameServer: names.address, httpPort: 80 });
  stops.push(() => pebble.stop());
  const backend = await startBackend({ name: 'web' });
  stops.push(() => backend.stop());
  const product = await startProduct({
    addressPool: '127.80.0.0/24',
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
  await product.sh('agentmetal lb tls set web-lb --domain app.test --domain www.test');
  const { certificates } = await waitFor(
    'both certificates',
    async () => {
      const now = await status();
      return (
        now.certificates.length === 2 && now.certificates.every(({ state }) => state === 'active') && now
      );
    },
    PATIENCE_MS,
  );
  const ca = await pebble.root();
  for (const name of ['app.test', 'www.test'])
    expect(await handshake(ADDRESS, { name, ca })).toMatchObject({ authorized: true });
  expect(await ask(`http://${ADDRESS}/x`, { host: 'app.test' })).toMatchObject({
    status: 301,
    headers: { location: 'https://app.test/x' },
  });
  const pid = await worker();
  await product.sh('agentmetal lb tls renew web-lb --domain app.test');
  const before = certificates.find(({ domain }) => domain === 'app.test')?.serial;
  await waitFor(
    'another certificate',
    async () => {
      const { certificate } = await handshake(ADDRESS, { name: 'app.test', ca });
      return certificate.serialNumber.toUpperCase() !== before;
    },
    PATIENCE_MS,
  );
  expect(await worker()).toBe(pid);
  const { stdout } = await product.sh('agentmetal lb tls show web-lb');
  expect(stdout).toMatch(/^web-lb: All 2 certificates are served and in time\n/);
  expect(stdout).toMatch(/^app\.test\n {2}State: +active\n/m);
  expect(stdout).toMatch(/^Terms: data:text\/plain,Do%20what%20thou%20wilt, agreed to by admin on /m);
  const events = (await product.sh('agentmetal lb events web-lb --type "certificate.*,revision.live"'))
    .stdout;
  expect(events).toMatch(/certificate\.issued {2}web-lb: app\.test has a certificate/);
  expect(events).toMatch(/certificate\.issued {2}web-lb: www\.test has a certificate/);
  expect(events).toMatch(/certificate\.renewed {2}web-lb: app\.test has a new certificate/);
  for (const line of [
    'lb tls show web-lb',
    'lb events web-lb',
    'lb show web-lb',
    'lb dns show web-lb',
    'lb health web-lb',
    'lb tls set web-lb --domain app.test --domain nope.test',
    'lb tls show web-lb',
    'lb events -o json --limit 2',
  ]) {
    const r = await product.sh('agentmetal ' + line);
    console.log('$ ' + line + '\n' + r.stdout + r.stderr);
  }
  await new Promise((r) => setTimeout(r, 6000));
  for (const line of ['lb tls show web-lb', 'lb events web-lb --severity warning', 'lb dns show web-lb']) {
    const r = await product.sh('agentmetal ' + line);
    console.log('$ ' + line + '\n' + r.stdout + r.stderr);
  }
  console.log(
    (await (await fetch(product.url + '/metrics')).text())
      .split('\n')
      .filter((l) => /certificate/.test(l))
      .join('\n'),
  );
  await product.sh('agentmetal lb tls set web-lb --domain app.test');
  await waitFor('one domain', async () => (await status()).certificates.length === 1);
}, 240_000);
