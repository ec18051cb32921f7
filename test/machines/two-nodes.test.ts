import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from '../../src/api/client.ts';
import { createHttpSend } from '../../src/api/http-send.ts';
import type { Renewal } from '../../src/api/certificates.ts';
import type { LoadBalancer } from '../../src/api/load-balancer.ts';
import type { Machine } from '../../src/api/machines.ts';
import type { ContainerMachine } from '../../src/machines/container/driver.ts';
import { readCertificateSettings } from '../../src/server/certificates/settings.ts';
import { runServer } from '../../src/server/main.ts';
import { ask } from '../support/ask.ts';
import { type TestBackend, startBackend } from '../support/backends.ts';
import { type Handshake, handshake } from '../support/handshake.ts';
import { freshMachine } from '../support/machines/fresh.ts';
import { type MachineWorld, onMachine, startWorld, whyNoContainers } from '../support/machines/world.ts';
import { startNameServer } from '../support/name-server.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import { waitFor } from '../support/wait.ts';

const LONG_MS = 300_000;
const KEY = 'am_test_key_for_the_test_run_0123456789abcdef';
const NAME = 'app.test';
/** Where the agent of a machine keeps what it has obtained. */
const CERTIFICATES = '/var/lib/agentmetal-agent/certificates';

const reason = await whyNoContainers();
if (reason !== undefined) console.warn(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('a load balancer with a node on Debian 12 and one on 13', () => {
  let world: MachineWorld;
  let plane: Awaited<ReturnType<typeof runServer>>;
  let client: ApiClient;
  let machines: ContainerMachine[];
  let backends: TestBackend[];
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
    backends = await Promise.all(
      ['web-1', 'web-2'].map((name) => startBackend({ name, host: world.gateway })),
    );
    for (const backend of backends) ends.push(() => backend.stop());
    floating = `${world.gateway.split('.').slice(0, 3).join('.')}.200`;
    const names = await startNameServer([`app A ${floating}`], world.gateway);
    ends.push(() => names.stop());
    const directory = join(world.dataDir, 'pebble');
    mkdirSync(directory, { recursive: true });
    pebble = await startPebble({ directory, nameServer: names.address, host: world.gateway, httpPort: 80 });
    ends.push(() => pebble.stop());
    plane = await runServer({
      dataDir: join(world.dataDir, 'control-plane'),
      listen: '127.0.0.1:0',
      addressPool: '127.80.0.0/24',
      adminKey: KEY,
      agentListen: `${world.gateway}:0`,
      certificateSettings: await readCertificateSettings(
        { AGENTMETAL_ACME_SERVER: pebble.directoryUrl, AGENTMETAL_ACME_CA_BUNDLE: pebble.caBundle },
        names.address,
      ),
    });
    ends.push(() => plane.close());
    client = new ApiClient({ url: plane.url, key: KEY, send: createHttpSend({}) });
  }, 600_000);
  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
  });

  const post = (path: string, body: object) => client.request({ method: 'POST', path, body });
  const show = async () =>
    (await client.request<LoadBalancer>({ method: 'GET', path: '/v1/load-balancers/web-lb' })).body.status;
  const machine = async (name: string) =>
    (await client.request<Machine>({ method: 'GET', path: `/v1/machines/${name}` })).body;
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
  /** A handshake at the address that the nodes share, in which the CA vouches for the certificate. */
  const trusted = async (serial: string): Promise<Handshake> => {
    const ca = await pebble.root();
    return waitFor(
      `serial ${serial} at ${floating}`,
      async () => {
        const seen = await handshake(floating, { name: NAME, ca });
        return seen.authorized && seen.certificate.serialNumber === serial && seen;
      },
      LONG_MS,
    );
  };
  const renew = async (body: object) =>
    (
      await client.request<Renewal>({
        method: 'POST',
        path: '/v1/load-balancers/web-lb/certificates/renew',
        body,
      })
    ).body;
  const rolesOf = async () =>
    (await show()).nodes.map(({ floating: part }) => part?.role ?? 'none').toSorted();

  test(
    'is served at the address that they share, soon after it was wished for',
    async () => {
      const started = performance.now();
      const [subnet] = floating.split(/\.\d+$/);
      await post('/v1/vpcs', {
        name: 'prod',
        spec: { cidrs: [`${subnet}.0/24`], floatingAddresses: [floating] },
      });
      for (const [index, { target }] of machines.entries()) {
        const { host: address, privateKey, hostKey } = target;
        await post('/v1/machines', {
          name: `lb-${index + 12}`,
          driver: 'ssh',
          address,
          user: 'root',
          privateKey,
          hostKey,
          vpc: 'prod',
        });
      }
      await post('/v1/load-balancers', {
        name: 'web-lb',
        spec: {
          type: 'http',
          vpc: 'prod',
          nodes: 2,
          sticky: { mode: 'source-ip' },
          tls: { domain: NAME },
          backends: backends.map(({ port }) => ({ target: `${world.gateway}:${port}` })),
        },
      });
      await waitFor('an answer', async () => (await ask(`http://${floating}/`)).status === 200, LONG_MS);
      console.warn(`first answer after ${Math.round((performance.now() - started) / 1000)} s`);
      await waitFor('both', async () => String(await rolesOf()) === 'active,standby', LONG_MS);
      const { addresses, nodes } = await show();
      expect(addresses).toEqual([floating]);
      expect(nodes.map(({ machine: name }) => name).toSorted()).toEqual(['lb-12', 'lb-13']);
      expect((await machine('lb-12')).haproxyVersion).toMatch(/^2\.6/);
      expect((await machine('lb-13')).haproxyVersion).toMatch(/^3\.0/);
    },
    LONG_MS,
  );

  test(
    'has each node obtain a certificate of its own by one account, whichever of them the CA asks, and renew it',
    async () => {
      const nodes = ['lb-12', 'lb-13'];
      const active = await activeName();
      const serials = await Promise.all(nodes.map((name) => serialOn(name)));
      expect(new Set(serials).size).toBe(2);
      await trusted(serials[indexOf(active)] ?? '');
      const keys = `cat ${CERTIFICATES}/accounts/*/config/accounts/*/dir/*/private_key.json`;
      const [one, other] = await Promise.all(nodes.map((name) => onNode(name, keys)));
      expect(one).toMatch(/"kty"/);
      expect(other).toBe(one);

      const { nodes: asked, missing } = await renew({});
      expect({ asked: asked.map(({ machine: name }) => name).toSorted(), missing }).toEqual({ asked: nodes });
      const next = await Promise.all(nodes.map((name, index) => serialOn(name, serials[index])));
      await trusted(next[indexOf(active)] ?? '');
      await waitFor('both to be told', async () => {
        const { certificates } = await show();
        return certificates.every(({ state, serial = '' }) => state === 'active' && next.includes(serial));
      });
    },
    LONG_MS,
  );

  test(
    'goes on at the other node when one is lost, with its clients where they were, and there is one master afterwards',
    async () => {
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
      await trusted(others);
      for (let index = 0; index < 20; index++) expect((await ask(`http://${floating}/`)).body).toBe(bound);
      await waitFor(
        'the lost node to be told',
        async () => (await machine(active)).state === 'offline',
        LONG_MS,
      );
      await lost.container.start();
      await waitFor('both again', async () => String(await rolesOf()) === 'active,standby', LONG_MS);
      expect((await ask(`http://${floating}/`)).body).toBe(bound);
      // It is the standby now, and the CA asks the other one.
      expect(await activeName()).not.toBe(active);
      await renew({ node: active });
      await serialOn(active, before);
      await trusted(others);
    },
    LONG_MS,
  );

  test(
    'gives both machines back',
    async () => {
      await client.request({ method: 'DELETE', path: '/v1/load-balancers/web-lb' });
      await waitFor(
        'them to be free',
        async () =>
          (await machine('lb-12')).loadBalancer === null && (await machine('lb-13')).loadBalancer === null,
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
