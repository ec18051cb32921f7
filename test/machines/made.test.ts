import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shortName } from '../../src/machines/network/links.ts';
import { ask } from '../support/ask.ts';
import { run } from '../support/command.ts';
import { leftOf, networks } from '../support/machines/host-state.ts';
import { type MadePlane, type MadeVpc, startMadePlane } from '../support/machines/made-plane.ts';
import { askInside } from '../support/machines/vpc-host.ts';
import { whyNoContainers } from '../support/machines/world.ts';
import { hasNamed, startNameServer } from '../support/name-server.ts';
import { waitFor } from '../support/wait.ts';

const LONG_MS = 300_000;

const reason = await whyNoContainers();
if (reason !== undefined) console.warn(`skipped: ${reason}`);

/** Test files run at the same time, and each has networks of its own. */
const outside = `198.19.${process.pid % 250}`;
const URL = `http://${outside}.2/`;

/** In the VPC, where nobody outside reaches it. */
const NAME_SERVER = '10.60.0.53';

describe.skipIf(reason !== undefined)('a VPC whose driver makes machines', () => {
  let plane: MadePlane;
  let prod: MadeVpc;

  beforeAll(async () => {
    plane = await startMadePlane();
    const driver = { type: 'container', public: { cidr: `${outside}.0/28` } };
    const host = { address: '10.60.0.7/24', text: 'web-1 of prod' };
    prod = await plane.createVpc(
      'prod',
      { cidrs: ['10.60.0.0/24'], nameServers: [NAME_SERVER], driver },
      host,
    );
    await plane.put('/v1/vpcs/prod/hosts/web-1', { addresses: ['10.60.0.7'] });
  }, 600_000);
  afterAll(() => plane?.stop(), LONG_MS);

  const answer = async () => (await ask(URL).catch(() => undefined))?.body;
  const untilServed = () => waitFor('an answer', async () => (await answer()) === 'web-1 of prod', LONG_MS);
  const idOfMachine = async () => (await plane.machines())[0]?.id ?? '';

  test(
    'makes a machine for a load balancer, which clients reach by its public address',
    async () => {
      const backends = [{ target: 'web-1:8080' }];
      await plane.post('/v1/load-balancers', {
        name: 'web-lb',
        spec: { type: 'http', vpc: 'prod', backends },
      });
      expect((await plane.status('web-lb')).conditions).toContainEqual(
        expect.objectContaining({ type: 'Placed', reason: 'MakingMachine' }),
      );
      await untilServed();
      const [machine, ...others] = await plane.machines();
      expect(others).toEqual([]);
      expect(machine).toMatchObject({
        name: expect.stringMatching(/^web-lb-[a-z0-9]{5}$/),
        vpc: 'prod',
        address: '10.60.0.2',
        publicAddress: `${outside}.2`,
        ssh: null,
        fault: null,
        loadBalancer: 'web-lb',
      });
      await waitFor(
        'it to be active',
        async () => (await plane.status('web-lb')).state === 'active',
        LONG_MS,
      );
      expect((await plane.status('web-lb')).addresses).toEqual([`${outside}.2`]);
      expect(await askInside(prod.web.namespace, 'http://10.60.0.2/')).toBe('web-1 of prod');
    },
    LONG_MS,
  );

  test.runIf(hasNamed)(
    'follows a name that only the VPC’s own name server knows, at run time, and keeps the last answer without it',
    async () => {
      const dns = await prod.plug(`${NAME_SERVER}/24`, 'name server of prod');
      await prod.plug('10.60.0.8/24', 'web-2 of prod');
      const names = await startNameServer(['app 2 A 10.60.0.7'], {
        host: NAME_SERVER,
        namespace: dns.namespace,
      });
      const backend = async () => (await plane.status('web-lb')).backends[0];
      const turnTo = async (target: string) => {
        await plane.patch('/v1/load-balancers/web-lb', { spec: { backends: [{ target }] } });
        await waitFor(
          `${target} to be up`,
          async () => {
            const seen = await backend();
            return seen?.target === target && seen.state === 'up';
          },
          LONG_MS,
        );
      };
      try {
        await turnTo('app.test:8080');
        expect(await backend()).toMatchObject({ address: '10.60.0.7' });
        const worker = async () => (await plane.status('web-lb')).nodes[0]?.haproxy?.workerPid;
        const before = await worker();
        await names.setRecords(['app 2 A 10.60.0.8']);
        await waitFor('traffic to follow', async () => (await answer()) === 'web-2 of prod', LONG_MS);
        await names.stop();
        const told = await waitFor(
          'it to be told',
          async () => {
            const seen = await backend();
            return seen?.reason.includes('stays in use') ? seen : undefined;
          },
          LONG_MS,
        );
        expect(told).toMatchObject({
          state: 'up',
          address: '10.60.0.8',
          reason: expect.stringContaining(
            'the name server does not answer for app.test; its last address 10.60.0.8 stays in use',
          ),
        });
        expect(await answer()).toBe('web-2 of prod');
        expect(await worker()).toBe(before);
      } finally {
        await names.stop();
        await turnTo('web-1:8080');
      }
      await untilServed();
    },
    LONG_MS,
  );

  test(
    'goes on without the control plane, which starts again what has ended meanwhile',
    async () => {
      const id = await idOfMachine();
      await plane.close();
      expect(await answer()).toBe('web-1 of prod');
      // As a power cut of the whole host does: processes, mounts and networks are gone, files stay.
      const [pid] = (await leftOf(plane.dataDir)).flatMap((line) => /^process (\d+)/.exec(line)?.[1] ?? []);
      await run('sh', ['-c', `kill -9 $(cat /proc/${pid}/task/${pid}/children) ${pid}`], process.env);
      const isRunning = async () => (await leftOf(plane.dataDir)).some((line) => line.startsWith('process'));
      await waitFor('its end', async () => !(await isRunning()));
      await run('umount', ['--lazy', join(plane.dataDir, 'machines', id, 'root')], process.env);
      await run('ip', ['netns', 'del', plane.namespaceOf(id)], process.env);
      await waitFor('silence', async () => (await answer()) === undefined);
      await plane.start();
      await untilServed();
      await waitFor('its agent', async () => (await plane.machines())[0]?.state === 'online', LONG_MS);
      expect(await idOfMachine()).toBe(id);
    },
    LONG_MS,
  );

  test(
    'leaves nothing of a machine when its load balancer is deleted',
    async () => {
      const namespace = plane.namespaceOf(await idOfMachine());
      const ports = ['eth1', 'host0'].map((nic) => `link ${shortName('amv', namespace, nic)}`);
      expect(await networks()).toEqual(expect.arrayContaining([`namespace ${namespace}`, ...ports]));
      await plane.remove('/v1/load-balancers/web-lb');
      await waitFor('the machine to be gone', async () => (await plane.machines()).length === 0, LONG_MS);
      expect(await leftOf(plane.dataDir)).toEqual([]);
      const folders = await readdir(join(plane.dataDir, 'machines'));
      expect(folders.filter((name) => name.startsWith('machine_'))).toEqual([]);
      const there = await networks();
      expect([`namespace ${namespace}`, ...ports].filter((line) => there.includes(line))).toEqual([]);
    },
    LONG_MS,
  );

  test('leaves no network when the VPC is deleted', async () => {
    const own = [
      `namespace ${prod.namespace}`,
      `link ${shortName('amp', plane.dataDir, `${outside}.0/28`)}`,
      `link ${shortName('aml', join(plane.dataDir, 'machines/management-prefix'))}`,
    ];
    expect(await networks()).toEqual(expect.arrayContaining(own));
    await plane.remove('/v1/vpcs/prod');
    await waitFor('the networks to be gone', async () => {
      const there = await networks();
      return own.every((line) => !there.includes(line));
    });
  });

  test(
    'that cannot make them says why, leaves nothing half-made, and makes them when it can',
    async () => {
      const bridge = shortName('amt', plane.dataDir);
      const spec = { cidrs: ['10.70.0.0/24'], driver: { type: 'container', bridge } };
      await plane.post('/v1/vpcs', { name: 'internal', spec });
      await plane.post('/v1/load-balancers', { name: 'in-lb', spec: { type: 'http', vpc: 'internal' } });
      const condition = await waitFor('the reason', async () =>
        (await plane.status('in-lb')).conditions.find(
          ({ type, message }) => type === 'Placed' && message.includes('cannot be made'),
        ),
      );
      expect(condition.message).toContain(`there is no bridge ${bridge}`);
      const id = await idOfMachine();
      expect(await leftOf(plane.dataDir)).toEqual([]);
      expect(await readdir(join(plane.dataDir, 'machines'))).not.toContain(id);
      await run('ip', ['link', 'add', bridge, 'type', 'bridge'], process.env);
      try {
        await waitFor(
          'it to be active',
          async () => (await plane.status('in-lb')).nodes[0]?.connected,
          LONG_MS,
        );
        expect((await plane.status('in-lb')).addresses).toEqual(['10.70.0.1']);
        await plane.remove('/v1/load-balancers/in-lb');
        await waitFor('the machine to be gone', async () => (await plane.machines()).length === 0, LONG_MS);
      } finally {
        await run('ip', ['link', 'del', bridge], process.env);
      }
    },
    LONG_MS,
  );
});
