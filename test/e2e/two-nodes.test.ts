import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Renewal } from '../../src/api/certificates.ts';
import type { Machine } from '../../src/api/machines.ts';
import type { ContainerMachine } from '../../src/machines/container/driver.ts';
import { ask } from '../support/ask.ts';
import { startBackend } from '../support/backends.ts';
import { type Handshake, handshake } from '../support/handshake.ts';
import { freshMachine } from '../support/machines/fresh.ts';
import { type MachineWorld, onMachine, startWorld, whyNoContainers } from '../support/machines/world.ts';
import { startNameServer } from '../support/name-server.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import {
  type PageGround,
  addBackends,
  createByCurl,
  createHttp,
  createTcp,
  followWeights,
  holdToLimit,
  setDomain,
  shareEvenly,
  stickByCookie,
  succeed,
  tellOfClients,
} from '../support/product-page.ts';
import { startProduct } from '../support/product.ts';
import { waitFor } from '../support/wait.ts';

const LONG_MS = 300_000;
const NAME = 'app.example.com';
const NODES = ['lb-12', 'lb-13'];
/** Where the agent of a machine keeps what it has obtained. */
const CERTIFICATES = '/var/lib/agentmetal-agent/certificates';

const reason = await whyNoContainers();
if (reason !== undefined) console.warn(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('the product page, with a node on Debian 12 and one on 13', () => {
  let world: MachineWorld;
  let ground: PageGround;
  let machines: ContainerMachine[];
  let floating: string;
  let pebble: Pebble;
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    world = await startWorld();
    ends.push(() => world.close());
    const fresh = await Promise.all([
      freshMachine(world, 'lb-12', 'bookworm'),
      freshMachine(world, 'lb-13', 'trixie'),
    ]);
    machines = fresh.map(({ machine }) => machine);
    for (const { packages } of fresh) ends.push(() => packages.stop());
    const hosts = [await world.addAddress(2), await world.addAddress(3)];
    const backends = await Promise.all(
      hosts.map((host, index) => startBackend({ name: `web-${index + 1}`, host, port: 8080 })),
    );
    for (const backend of backends) ends.push(() => backend.stop());
    const network = world.gateway.replace(/\.\d+$/, '');
    floating = `${network}.200`;
    const names = await startNameServer([`app A ${floating}`], { host: world.gateway, zone: 'example.com' });
    ends.push(() => names.stop());
    const directory = join(world.dataDir, 'pebble');
    mkdirSync(directory, { recursive: true });
    pebble = await startPebble({ directory, nameServer: names.address, host: world.gateway, httpPort: 80 });
    ends.push(() => pebble.stop());
    const product = await startProduct({
      listen: '127.0.0.1:8080',
      args: ['--agent-listen', `${world.gateway}:8443`],
      env: {
        AGENTMETAL_ACME_SERVER: pebble.directoryUrl,
        AGENTMETAL_ACME_CA_BUNDLE: pebble.caBundle,
        AGENTMETAL_RESOLVER: names.address,
      },
    });
    ends.push(() => product.stop());
    ground = { product, backends, database: world.gateway, clients: clientsOf(network), nodes: 2 };
    await succeed(product, `agentmetal vpc create prod --cidr ${network}.0/24 --floating ${floating}`);
    for (const { name, target } of backends)
      await succeed(product, `agentmetal vpc host add prod ${name} ${target.replace(/:\d+$/, '')}`);
  }, 600_000);
  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
  });

  const show = async () => (await ground.product.loadBalancer('web-lb')).status;
  const machine = async (name: string) =>
    (await ground.product.client.request<Machine>({ method: 'GET', path: `/v1/machines/${name}` })).body;
  const activeName = async () =>
    (await show()).nodes.find(({ floating: part }) => part?.role === 'active')?.machine ?? '';
  const indexOf = (name: string) => (name === 'lb-12' ? 0 : 1);
  const onNode = (name: string, line: string) => {
    const on = machines[indexOf(name)];
    if (!on) throw new Error(`there is no machine ${name}`);
    return onMachine(on, line);
  };
  /** Serial number of the certificate that a node has, once it is another one than before. */
  const serialOn = (name: string, before?: string): Promise<string> =>
    waitFor(
      `a certificate on ${name}`,
      async () => {
        const line = `openssl x509 -noout -serial -in ${CERTIFICATES}/names/${NAME}/bundle.pem`;
        const serial = (await onNode(name, line)).replace('serial=', '');
        return serial !== before && serial;
      },
      LONG_MS,
    );
  /**
   * A handshake at the address that the nodes share, in which the CA vouches for the certificate.
   * @param serials by node, in their order: that of the node which has the address now must be served, wherever it has moved.
   */
  const trusted = async (serials: readonly (string | undefined)[]): Promise<Handshake> => {
    const ca = await pebble.root();
    return waitFor(
      `one of the serials ${serials.join(', ')} at ${floating}`,
      async () => {
        const wanted = serials[indexOf(await activeName())];
        const seen = await handshake(floating, { name: NAME, ca });
        return seen.authorized && seen.certificate.serialNumber === wanted && seen;
      },
      LONG_MS,
    );
  };
  const renew = async (body: object) =>
    (
      await ground.product.client.request<Renewal>({
        method: 'POST',
        path: '/v1/load-balancers/web-lb/certificates/renew',
        body,
      })
    ).body;
  const rolesOf = async () =>
    (await show()).nodes.map(({ floating: part }) => part?.role ?? 'none').toSorted();

  /** Both have it, and one of them the address. */
  const bothServe = () => waitFor('both', async () => String(await rolesOf()) === 'active,standby', LONG_MS);

  test(
    'is served by machines that were fresh when it was created, soon after',
    async () => {
      const started = performance.now();
      for (const [index, { target }] of machines.entries()) {
        const key = join(world.dataDir, `key-${index}`);
        writeFileSync(key, target.privateKey, { mode: 0o600 });
        await succeed(
          ground.product,
          `agentmetal machine add ${target.host} --name ${NODES[index]} --user root --key '${key}' \\
  --host-key '${target.hostKey}' --vpc prod --no-wait`,
        );
      }
      await createHttp(ground);
      await addBackends(ground);
      expect((await ask(`http://${floating}/`)).status).toBe(200);
      console.warn(`first answer after ${Math.round((performance.now() - started) / 1000)} s`);
      await bothServe();
      const { addresses, nodes } = await show();
      expect(addresses).toEqual([floating]);
      expect(nodes.map(({ machine: name }) => name).toSorted()).toEqual(NODES);
      expect((await machine('lb-12')).haproxyVersion).toMatch(/^2\.6/);
      expect((await machine('lb-13')).haproxyVersion).toMatch(/^3\.0/);
      await shareEvenly(ground);
    },
    LONG_MS,
  );

  test(
    'has each node obtain a certificate of its own by one account, whichever of them the CA asks, and renew it',
    async () => {
      await setDomain(ground);
      const serials = await Promise.all(NODES.map((name) => serialOn(name)));
      expect(new Set(serials).size).toBe(2);
      await trusted(serials);
      const keys = `cat ${CERTIFICATES}/accounts/*/config/accounts/*/dir/*/private_key.json`;
      const [one, other] = await Promise.all(NODES.map((name) => onNode(name, keys)));
      expect(one).toMatch(/"kty"/);
      expect(other).toBe(one);

      const { nodes: asked, missing } = await renew({});
      expect({ asked: asked.map(({ machine: name }) => name).toSorted(), missing }).toEqual({ asked: NODES });
      const next = await Promise.all(NODES.map((name, index) => serialOn(name, serials[index])));
      await trusted(next);
      await waitFor('both to be told', async () => {
        const { certificates } = await show();
        return certificates.every(({ state, serial = '' }) => state === 'active' && next.includes(serial));
      });
    },
    LONG_MS,
  );

  test('keeps a client on its backend by a cookie', () => stickByCookie(ground), LONG_MS);

  test('holds each client to its limit', () => holdToLimit(ground), LONG_MS);

  test('tells backends of the client', () => tellOfClients(ground), LONG_MS);

  test(
    'goes on at the other node when one is lost, with its clients where they were, and there is one master afterwards',
    async () => {
      await succeed(ground.product, 'agentmetal lb sticky set web-lb --mode source-ip');
      const bound = (await ask(`http://${floating}/`)).body;
      const active = await activeName();
      const others = await serialOn(active === 'lb-12' ? 'lb-13' : 'lb-12');
      const before = await serialOn(active);
      const lost = machines[indexOf(active)];
      if (!lost) throw new Error('no node is active');
      await lost.container.crash();
      await waitFor(
        'the other node',
        async () => (await ask(`http://${floating}/`).catch(() => undefined))?.body === bound,
      );
      // Of the lost one it is known only that it had the address.
      await trusted([others, others]);
      for (let index = 0; index < 20; index++) expect((await ask(`http://${floating}/`)).body).toBe(bound);
      await waitFor(
        'the lost node to be told',
        async () => (await machine(active)).state === 'offline',
        LONG_MS,
      );
      await lost.container.start();
      await bothServe();
      expect((await ask(`http://${floating}/`)).body).toBe(bound);
      // It is the standby now, and the CA asks the other one.
      expect(await activeName()).not.toBe(active);
      await renew({ node: active });
      const renewed = await serialOn(active, before);
      await trusted(active === 'lb-12' ? [renewed, others] : [others, renewed]);
    },
    LONG_MS,
  );

  test(
    'gives its machines to what is created next: by curl, and for TCP',
    async () => {
      const { product } = ground;
      await succeed(product, 'agentmetal lb delete web-lb --yes --timeout 5m');
      await createByCurl(ground);
      await bothServe();
      await shareEvenly(ground);
      await followWeights(ground);
      await succeed(product, 'agentmetal lb delete web-lb --yes --timeout 5m');
      await createTcp(ground);
      await succeed(product, 'agentmetal lb delete db-lb --yes --timeout 5m');
      await waitFor(
        'them to be free',
        async () =>
          (await Promise.all(NODES.map(machine))).every(({ loadBalancer }) => loadBalancer === null),
        LONG_MS,
      );
      await waitFor('nobody to answer', () =>
        ask(`http://${floating}/`).then(
          () => false,
          () => true,
        ),
      );
    },
    LONG_MS,
  );
});

/** Addresses of a /24. */
function clientsOf(network: string): RegExp {
  return new RegExp(`^${network.replaceAll('.', String.raw`\.`)}\\.\\d+$`);
}
