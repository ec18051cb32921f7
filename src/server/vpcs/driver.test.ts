import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fleet, startFleet } from '../../../test/support/fleet.ts';
import { waitFor } from '../../../test/support/wait.ts';

let fleet: Fleet;
beforeEach(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.stop());

const create = (driver: object, more: object = {}, name = 'prod') =>
  fleet.call('POST', '/v1/vpcs', {
    body: { name, spec: { cidrs: ['10.60.0.0/24'], driver: { type: 'container', ...driver }, ...more } },
  });

const FAULTS = [
  [{ type: 'cloud' }, '/spec/driver/type'],
  [{ bridge: 'br0; reboot' }, '/spec/driver/bridge'],
  [{ virtualMachine: { cpus: 2 } }, '/spec/driver/virtualMachine'],
  [{ type: 'libvirt', virtualMachine: { cpus: 0 } }, '/spec/driver/virtualMachine/cpus'],
  [{ type: 'libvirt', virtualMachine: { memory: 100 } }, '/spec/driver/virtualMachine/memory'],
  [{ type: 'libvirt', virtualMachine: { image: 'disk.qcow2' } }, '/spec/driver/virtualMachine/image'],
  [{ type: 'libvirt', virtualMachine: { image: '/disk\n.qcow2' } }, '/spec/driver/virtualMachine/image'],
  [{ type: 'libvirt', virtualMachine: { acceleration: 'fast' } }, '/spec/driver/virtualMachine/acceleration'],
  [{ addresses: ['10.61.0.0/28'] }, '/spec/driver/addresses/0'],
  [{ gateway: '10.61.0.1' }, '/spec/driver/gateway'],
  [{ public: { cidr: '10.60.0.0/28' } }, '/spec/driver/public/cidr'],
  [{ public: { cidr: '203.0.113.0/28', gateway: '203.0.113.1' } }, '/spec/driver/public/gateway'],
] as const;
test.each(FAULTS)('a driver with %j is refused', async (driver, pointer) => {
  const { status, body } = await create(driver);
  expect(status).toBe(422);
  expect(body.errors).toMatchObject([{ pointer }]);
});

test('public networks of VPCs are the same or apart', async () => {
  await create({ public: { cidr: '203.0.113.0/28' } });
  expect((await create({ public: { cidr: '203.0.113.0/28' } }, {}, 'same')).status).toBe(201);
  expect((await create({ public: { cidr: '203.0.113.0/24' } }, {}, 'part')).body.errors).toMatchObject([
    { pointer: '/spec/driver/public/cidr', detail: expect.stringContaining('VPC prod') },
  ]);
});

test('a driver is an admin’s to set', async () => {
  const { body: made } = await fleet.call('POST', '/v1/keys', { body: { name: 'ops', role: 'operator' } });
  const answer = await fleet.call('POST', '/v1/vpcs', {
    key: made.key,
    body: { name: 'prod', spec: { cidrs: ['10.60.0.0/24'], driver: { type: 'container' } } },
  });
  expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  await create({});
  const patched = await fleet.call('PATCH', '/v1/vpcs/prod', {
    key: made.key,
    body: { labels: { env: 'prod' } },
  });
  expect(patched.status).toBe(200);
});

describe('where nothing makes machines', () => {
  test('a load balancer says why it waits, and its machine goes with it', async () => {
    await create({});
    const { body } = await fleet.call('POST', '/v1/load-balancers', {
      body: { name: 'web-lb', spec: { type: 'http', vpc: 'prod' } },
    });
    expect(body.status).toMatchObject({ state: 'pending', nodes: [] });
    const seen = await waitFor('the reason', async () => {
      const { status } = (await fleet.call('GET', '/v1/load-balancers/web-lb')).body;
      const condition = status.conditions.find(({ type }: { type: string }) => type === 'Placed');
      return condition?.message.includes('cannot be made') ? condition : undefined;
    });
    expect(seen).toMatchObject({ reason: 'MakingMachine' });
    expect(seen.message).toContain('started without what makes machines');
    const { items } = (await fleet.call('GET', '/v1/machines')).body;
    const machine = items.find(({ driver }: { driver: string }) => driver === 'container');
    expect(machine).toMatchObject({ state: 'provisioning', fault: { retryAt: expect.any(String) } });
    expect(
      (await fleet.call('PATCH', '/v1/vpcs/prod', { body: { spec: { driver: null } } })).body,
    ).toMatchObject({ errors: [{ pointer: '/spec/driver', detail: expect.stringContaining(machine.name) }] });
    await fleet.call('DELETE', '/v1/load-balancers/web-lb');
    await waitFor('the machine to go', async () => {
      const { status } = await fleet.call('GET', `/v1/machines/${machine.name}`);
      return status === 404;
    });
  });

  test('as many machines are made as are wanted, whoever serves until then', async () => {
    await fleet.call('POST', '/v1/vpcs', { body: { name: 'late', spec: { cidrs: ['10.61.0.0/24'] } } });
    await fleet.call('POST', '/v1/load-balancers', {
      body: { name: 'web-lb', spec: { type: 'http', vpc: 'late' } },
    });
    const body = { spec: { driver: { type: 'container' } } };
    await fleet.call('PATCH', '/v1/vpcs/late', { body });
    await fleet.call('PATCH', '/v1/load-balancers/web-lb', { body: { spec: { nodes: 2 } } });
    const { body: page } = await fleet.call('GET', '/v1/machines');
    const made = page.items.filter(({ driver }: { driver: string }) => driver === 'container');
    expect(made).toHaveLength(2);
    expect((await fleet.call('GET', '/v1/load-balancers/web-lb')).body.status.nodes).toMatchObject([
      { machine: 'local' },
    ]);
  });
});
