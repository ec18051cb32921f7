import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PRODUCT_PAGE_BODY } from '../../../test/support/control-plane.ts';
import { type Fleet, startFleet } from '../../../test/support/fleet.ts';
import { waitFor } from '../../../test/support/wait.ts';

const PASSWORD = 'of-the-router-and-nobody-else';
const ROUTER = { address: '203.0.113.1', asn: 65_000 };

let fleet: Fleet;
beforeEach(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.stop());

const spec = (routers: object[] = [{ ...ROUTER, password: PASSWORD }]) => ({
  cidrs: ['10.0.0.0/16'],
  floatingAddresses: ['198.51.100.10'],
  bgp: { asn: 65_001, routers },
});
const create = (routers?: object[]) =>
  fleet.call('POST', '/v1/vpcs', { body: { name: 'prod', spec: spec(routers) } });
const orderOf = async (name: string) => (await fleet.machines.get(name)?.agent.desired())?.changed[0];

/** A load balancer on two machines of the VPC. */
async function serve(): Promise<void> {
  await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
  await fleet.ready('lb-2', '10.0.0.6', { vpc: 'prod' });
  const body = {
    name: 'web-lb',
    spec: { ...PRODUCT_PAGE_BODY.spec, tls: undefined, backends: [], nodes: 2 },
  };
  await fleet.call('POST', '/v1/load-balancers', { body });
  await waitFor('both nodes', async () => {
    await fleet.work();
    return (await orderOf('lb-2'))?.node?.members.length === 2;
  });
}

test('nodes are told of the routers, and nobody else of their passwords', async () => {
  const { status, body, text } = await create();
  expect(status).toBe(201);
  expect(body.spec.bgp).toEqual({ asn: 65_001, routers: [{ ...ROUTER, hasPassword: true }] });
  await serve();
  expect((await orderOf('lb-1'))?.node).toMatchObject({
    floatingAddresses: ['198.51.100.10'],
    bgp: { asn: 65_001, routers: [{ ...ROUTER, password: PASSWORD }] },
  });
  expect((await orderOf('lb-1'))?.vpc).not.toHaveProperty('bgp');
  const answers = await Promise.all(
    ['/v1/vpcs', '/v1/vpcs/prod', '/v1/load-balancers/web-lb'].map((path) => fleet.call('GET', path)),
  );
  for (const shown of [text, ...answers.map((answer) => answer.text)]) expect(shown).not.toContain(PASSWORD);
  const { dataDir } = fleet.plane;
  for (const file of (await readdir(dataDir)).filter((name) => name.startsWith('agentmetal.db')))
    expect((await readFile(join(dataDir, file))).includes(PASSWORD)).toBe(false);
});

test('a password stays until another is given, and nodes follow at once', async () => {
  await create();
  await serve();
  const passwordNow = async () => (await orderOf('lb-1'))?.node?.bgp?.routers[0]?.password;
  const put = async (routers: object[]) => {
    const { status, body } = await fleet.call('PUT', '/v1/vpcs/prod', {
      body: { name: 'prod', spec: spec(routers) },
    });
    return [status, body.revision];
  };
  // What was shown may be sent back.
  expect(await put([{ ...ROUTER, hasPassword: true }])).toEqual([200, 1]);
  expect(await passwordNow()).toBe(PASSWORD);
  const { version = 0 } = (await fleet.machines.get('lb-1')?.agent.desired()) ?? {};
  expect(await put([{ ...ROUTER, password: 'another' }])).toEqual([200, 2]);
  expect(await passwordNow()).toBe('another');
  expect((await fleet.machines.get('lb-1')?.agent.desired(version))?.changed).toHaveLength(1);
  expect(await put([{ ...ROUTER, password: '' }])).toEqual([200, 3]);
  expect(await passwordNow()).toBeUndefined();
  expect((await fleet.call('GET', '/v1/vpcs/prod')).body.spec.bgp.routers[0].hasPassword).toBe(false);
  await fleet.call('PATCH', '/v1/vpcs/prod', { body: { spec: { bgp: null } } });
  expect((await orderOf('lb-1'))?.node).not.toHaveProperty('bgp');
});

test.each([
  [[], '/spec/bgp/routers'],
  [[ROUTER, ROUTER], '/spec/bgp/routers/1/address'],
  [[{ ...ROUTER, asn: 0 }], '/spec/bgp/routers/0/asn'],
  [[{ ...ROUTER, address: 'router-1' }], '/spec/bgp/routers/0/address'],
  [[{ ...ROUTER, password: 'with "quotes"' }], '/spec/bgp/routers/0/password'],
])('routers that make no sense are refused: %j', async (routers, pointer) => {
  const { status, body } = await create(routers);
  expect(status).toBe(422);
  expect(body.errors).toMatchObject([{ pointer }]);
});

test('with several nodes that have the addresses it is asked which one gives them up', async () => {
  await create();
  await serve();
  const since = new Date().toISOString();
  for (const name of ['lb-1', 'lb-2']) {
    const order = await orderOf(name);
    if (!order) throw new Error(`${name} has no orders`);
    await fleet.machines.get(name)?.agent.report({
      id: order.id,
      observedRevision: order.revision,
      backends: [],
      node: { role: 'active', since },
    });
  }
  const { status, body } = await fleet.call('POST', '/v1/load-balancers/web-lb/failover');
  expect(status).toBe(400);
  expect(body.hint).toContain('lb failover web-lb --node MACHINE');
});
