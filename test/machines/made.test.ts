import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from '../../src/api/client.ts';
import { createHttpSend } from '../../src/api/http-send.ts';
import type { LoadBalancer } from '../../src/api/load-balancer.ts';
import type { Machine } from '../../src/api/machines.ts';
import type { Page, Vpc } from '../../src/api/resources.ts';
import { shortName } from '../../src/machines/network/links.ts';
import { runServer } from '../../src/server/main.ts';
import { ask } from '../support/ask.ts';
import { run } from '../support/command.ts';
import { leftOf, networks, sweep } from '../support/machines/host-state.ts';
import { MADE_IMAGES, waitForImages } from '../support/machines/images.ts';
import { type VpcHost, askInside, startVpcHost } from '../support/machines/vpc-host.ts';
import { roomyFolder, whyNoContainers } from '../support/machines/world.ts';
import { waitFor } from '../support/wait.ts';

const LONG_MS = 300_000;
const KEY = 'am_test_key_for_the_test_run_0123456789abcdef';

const reason = await whyNoContainers();
if (reason !== undefined) console.warn(`skipped: ${reason}`);

/** Test files run at the same time, and each has networks of its own. */
const outside = `198.19.${process.pid % 250}`;

describe.skipIf(reason !== undefined)('a VPC whose driver makes machines', () => {
  let directory: string;
  let dataDir: string;
  let plane: Awaited<ReturnType<typeof runServer>>;
  let client: ApiClient;
  let web: VpcHost;
  let vpcNamespace: string;
  const ends: (() => Promise<unknown>)[] = [];

  const start = async () => {
    plane = await runServer({
      dataDir,
      listen: '127.0.0.1:0',
      addressPool: '127.80.0.0/24',
      adminKey: KEY,
      imageFolder: MADE_IMAGES,
    });
    client = new ApiClient({ url: plane.url, key: KEY, send: createHttpSend({}) });
  };
  const get = async <T>(path: string) => (await client.request<T>({ method: 'GET', path })).body;
  const post = async <T>(path: string, body: object) =>
    (await client.request<T>({ method: 'POST', path, body })).body;
  const remove = (path: string) => client.request({ method: 'DELETE', path });
  const machines = async () =>
    (await get<Page<Machine>>('/v1/machines')).items.filter(({ driver }) => driver === 'container');
  const status = async (name: string) => (await get<LoadBalancer>(`/v1/load-balancers/${name}`)).status;
  const answerOf = async (url: string) => (await ask(url).catch(() => undefined))?.body;

  beforeAll(async () => {
    await waitForImages();
    directory = await mkdtemp(join(await roomyFolder(), 'am-'));
    dataDir = join(directory, 'data');
    ends.push(() => rm(directory, { recursive: true, force: true }));
    ends.push(() => sweep(dataDir));
    await start();
    ends.push(() => plane.close());
  }, 600_000);
  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
  }, LONG_MS);

  test('has a network of its own, into which hosts can be plugged', async () => {
    const driver = { type: 'container', public: { cidr: `${outside}.0/28` } };
    const { name } = await post<Vpc>('/v1/vpcs', { name: 'prod', spec: { cidrs: ['10.60.0.0/24'], driver } });
    const { network } = (await get<Vpc>(`/v1/vpcs/${name}`)).status;
    if (!network?.namespace) throw new Error('it has none');
    vpcNamespace = network.namespace;
    await waitFor('the network', async () => (await networks()).includes(`namespace ${network.namespace}`));
    web = await startVpcHost(network, '10.60.0.7/24', 'web-1 of prod');
    ends.push(() => web.stop());
    await client.request({
      method: 'PUT',
      path: '/v1/vpcs/prod/hosts/web-1',
      body: { addresses: ['10.60.0.7'] },
    });
  });

  test(
    'makes a machine for a load balancer, which clients reach by its public address',
    async () => {
      const backends = [{ target: 'web-1:8080' }];
      await post('/v1/load-balancers', { name: 'web-lb', spec: { type: 'http', vpc: 'prod', backends } });
      expect((await status('web-lb')).conditions).toContainEqual(
        expect.objectContaining({ type: 'Placed', reason: 'MakingMachine' }),
      );
      await waitFor(
        'an answer',
        async () => (await answerOf(`http://${outside}.2/`)) === 'web-1 of prod',
        LONG_MS,
      );
      const [machine, ...others] = await machines();
      expect(others).toEqual([]);
      expect(machine).toMatchObject({
        vpc: 'prod',
        address: '10.60.0.2',
        publicAddress: `${outside}.2`,
        ssh: null,
        fault: null,
        loadBalancer: 'web-lb',
      });
      expect(machine?.name).toMatch(/^web-lb-[a-z0-9]{5}$/);
      await waitFor('it to be active', async () => (await status('web-lb')).state === 'active', LONG_MS);
      expect((await status('web-lb')).addresses).toEqual([`${outside}.2`]);
      expect(await askInside(web.namespace, 'http://10.60.0.2/')).toBe('web-1 of prod');
    },
    LONG_MS,
  );

  test(
    'goes on without the control plane, which starts again what has ended meanwhile',
    async () => {
      const id = (await machines())[0]?.id ?? '';
      await plane.close();
      expect(await answerOf(`http://${outside}.2/`)).toBe('web-1 of prod');
      const [before] = (await leftOf(dataDir)).flatMap((line) => /^process (\d+)/.exec(line)?.[1] ?? []);
      // As a power cut of the whole host does: processes, mounts and networks are gone, files stay.
      await run(
        'sh',
        ['-c', `kill -9 $(cat /proc/${before}/task/${before}/children) ${before}`],
        process.env,
      );
      await waitFor(
        'its end',
        async () => !(await leftOf(dataDir)).some((line) => line.startsWith('process')),
      );
      await run('sh', ['-c', `umount ${dataDir}/machines/*/root`], process.env);
      await run('ip', ['netns', 'del', namespaceOf(dataDir, id)], process.env);
      await waitFor('silence', async () => (await answerOf(`http://${outside}.2/`)) === undefined);
      await start();
      await waitFor(
        'an answer',
        async () => (await answerOf(`http://${outside}.2/`)) === 'web-1 of prod',
        LONG_MS,
      );
      const [machine] = await machines();
      await waitFor('its agent', async () => (await machines())[0]?.state === 'online', LONG_MS);
      expect(machine?.name).toBe((await machines())[0]?.name);
    },
    LONG_MS,
  );

  test(
    'leaves nothing of a machine when its load balancer is deleted',
    async () => {
      const id = (await machines())[0]?.id ?? '';
      const namespace = namespaceOf(dataDir, id);
      const ports = ['eth0', 'eth1', 'host0'].map((nic) => `link ${shortName('amv', namespace, nic)}`);
      expect(await networks()).toEqual(expect.arrayContaining([`namespace ${namespace}`, ...ports.slice(1)]));
      await remove('/v1/load-balancers/web-lb');
      await waitFor('the machine to be gone', async () => (await machines()).length === 0, LONG_MS);
      expect(await leftOf(dataDir)).toEqual([]);
      expect(
        (await readdir(join(dataDir, 'machines'))).filter((name) => name.startsWith('machine_')),
      ).toEqual([]);
      const left = await networks();
      expect([`namespace ${namespace}`, ...ports].filter((line) => left.includes(line))).toEqual([]);
      await web.stop();
      const own = [
        `namespace ${vpcNamespace}`,
        `link ${shortName('amp', dataDir, `${outside}.0/28`)}`,
        `link ${shortName('aml', join(dataDir, 'machines/management-prefix'))}`,
      ];
      expect(await networks()).toEqual(expect.arrayContaining(own));
      await remove('/v1/vpcs/prod');
      await waitFor('the networks to be gone', async () => {
        const there = await networks();
        return own.every((line) => !there.includes(line));
      });
    },
    LONG_MS,
  );
});

/** The network namespace of a machine. */
function namespaceOf(dataDir: string, id: string): string {
  return shortName('am-m-', join(dataDir, 'machines', id));
}
