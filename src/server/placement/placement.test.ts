import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { selfSigned } from '../../../test/support/certificate.ts';
import { PRODUCT_PAGE_BODY, inject } from '../../../test/support/control-plane.ts';
import { preferredRouterId } from '../../api/router-id.ts';
import { type Fleet, startFleet } from '../../../test/support/fleet.ts';
import { waitFor } from '../../../test/support/wait.ts';

let fleet: Fleet;
beforeEach(async () => {
  fleet = await startFleet();
  const spec = { cidrs: ['10.0.0.0/16'], floatingAddresses: ['10.0.9.1'] };
  await fleet.call('POST', '/v1/vpcs', { body: { name: 'prod', spec } });
});
afterEach(() => fleet.stop());

const PATH = '/v1/load-balancers/web-lb';
let certificates = 0;
/** As an agent makes one; each is another. */
async function newCertificate(): Promise<string> {
  certificates += 1;
  const { cert } = selfSigned(fleet.plane.dataDir, `node-${certificates}`);
  return new X509Certificate(await readFile(cert)).toString();
}
const show = async (path = PATH) => (await fleet.call('GET', path)).body;
const machinesOf = async (path = PATH): Promise<string[]> =>
  (await show(path)).status.nodes.map(({ machine }: { machine: string }) => machine);
const create = (more: object = {}, name = 'web-lb') =>
  fleet.call('POST', '/v1/load-balancers', {
    body: { name, spec: { ...PRODUCT_PAGE_BODY.spec, tls: undefined, backends: [], ...more } },
  });
const patch = (spec: object) => fleet.call('PATCH', PATH, { body: { spec } });
const condition = async (type: string, path = PATH) =>
  (await show(path)).status.conditions.find((each: { type: string }) => each.type === type);
/** Lets agents work until the load balancer has those nodes. */
const untilOn = (names: string[], path = PATH) =>
  waitFor(`nodes ${names.join(', ')}`, async () => {
    await fleet.work();
    return JSON.stringify(await machinesOf(path)) === JSON.stringify(names);
  });
const orderOf = async (name: string) => (await fleet.machines.get(name)?.agent.desired())?.changed[0];

test('a VPC without machines goes on with the host of the control plane', async () => {
  await create();
  expect((await show()).status).toMatchObject({
    addresses: ['127.80.0.1'],
    nodes: [{ machine: 'local', address: '127.80.0.1' }],
  });
  const [order] = (await fleet.plane.agent.desired()).changed;
  expect(order).toMatchObject({ address: '127.80.0.1' });
  expect(order).not.toHaveProperty('node');
});

test('a load balancer gets a machine of its VPC for itself, on all addresses', async () => {
  await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod', publicAddress: '203.0.113.5' });
  await create();
  expect((await show()).status).toMatchObject({
    state: 'pending',
    addresses: ['203.0.113.5'],
    nodes: [{ machine: 'lb-1', address: '203.0.113.5', listeners: ['203.0.113.5:8080', '203.0.113.5:8443'] }],
  });
  const node = { name: 'lb-1', address: '10.0.0.5' };
  expect(await orderOf('lb-1')).toMatchObject({
    name: 'web-lb',
    address: '*',
    node: { ...node, priority: 150, floatingAddresses: [], members: [node] },
  });
  expect((await fleet.show('lb-1')).loadBalancer).toBe('web-lb');
  expect((await fleet.plane.agent.desired()).ids).toEqual([]);
  await fleet.work();
  expect((await show()).status.state).toBe('active');
});

test('an internal one is reached by the machine’s own address', async () => {
  await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
  await create();
  expect((await show()).status.addresses).toEqual(['10.0.0.5']);
});

test('without a free machine it waits, says why and what to type, and goes live when one comes', async () => {
  await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
  await create({}, 'first');
  await create();
  expect((await show()).status).toMatchObject({ state: 'pending', nodes: [], observedRevision: 0 });
  const { message } = await condition('Placed');
  expect(message).toContain('lb-1 serves first');
  expect(message).toContain('`agentmetal machine add ADDRESS --vpc prod`');
  await fleet.ready('lb-2', '10.0.0.6', { vpc: 'prod' });
  await untilOn(['lb-2']);
  expect(await condition('Placed')).toBeUndefined();
});

test('what nobody can serve yet goes to machines when the VPC gets some', async () => {
  await create({ nodes: 2 });
  expect((await condition('Placed')).message).toContain('it has no others');
  await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
  await fleet.ready('lb-2', '10.0.0.6', { vpc: 'prod' });
  await untilOn(['lb-1', 'lb-2']);
});

test('a machine is free again when its agent has taken all away, and not before', async () => {
  const { agent } = await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
  await create();
  await fleet.work();
  const { version } = await agent.desired();
  await fleet.call('DELETE', PATH);
  await create({}, 'second');
  expect(await machinesOf('/v1/load-balancers/second')).toEqual([]);
  expect((await condition('Placed', '/v1/load-balancers/second')).message).toContain('lb-1 is not free yet');
  const news = await agent.desired(version);
  expect(news.ids).toEqual([]);
  await agent.desired(news.version);
  await untilOn(['lb-1'], '/v1/load-balancers/second');
});

describe('several nodes', () => {
  beforeEach(async () => {
    await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod', publicAddress: '203.0.113.5' });
    await fleet.ready('lb-2', '10.0.0.6', { vpc: 'prod', publicAddress: '203.0.113.6' });
    await fleet.ready('lb-3', '10.0.0.7', { vpc: 'prod', publicAddress: '203.0.113.7' });
  });

  test('know each other by certificates, and hear of a new one at once', async () => {
    await create({ nodes: 2 });
    await untilOn(['lb-1', 'lb-2']);
    const certificatesOf = async (name: string) =>
      (await orderOf(name))?.node?.members.map(({ certificate }) => certificate);
    expect(await certificatesOf('lb-1')).toEqual([undefined, undefined]);
    const [first, second] = [await newCertificate(), await newCertificate()];
    const tell = (name: string, peerCertificate: string) =>
      fleet.machines.get(name)?.agent.tell({ peerCertificate });
    await tell('lb-1', first);
    await tell('lb-2', second);
    expect(await certificatesOf('lb-1')).toEqual([first, second]);
    const { version = 0 } = (await fleet.machines.get('lb-1')?.agent.desired()) ?? {};
    const third = await newCertificate();
    await tell('lb-2', third);
    expect((await fleet.machines.get('lb-1')?.agent.desired(version))?.changed).toHaveLength(1);
    expect(await certificatesOf('lb-1')).toEqual([first, third]);
    // Nonsense is not handed on, nor is a key that came with it.
    await tell('lb-2', 'no certificate');
    expect(await certificatesOf('lb-1')).toEqual([first, third]);
  });

  test('have a configuration each, in which they meet the others', async () => {
    await create({ nodes: 2, sticky: { mode: 'source-ip' } });
    await untilOn(['lb-1', 'lb-2']);
    const configOf = async (query = '') => (await fleet.call('GET', `${PATH}/config${query}`)).text;
    const [first, second] = [await configOf(), await configOf('?node=lb-2')];
    expect(await configOf('?node=lb-1')).toBe(first);
    const listening = (text: string) => /^ {2}localpeer (\S+)[^]*?^ {2}peer \1 (\S+):\d+$/m.exec(text)?.[2];
    expect([listening(first), listening(second)]).toEqual(['10.0.0.5', '10.0.0.6']);
    expect((await fleet.call('GET', `${PATH}/config?node=lb-3`)).body.hint).toBe(
      'Its nodes are: lb-1, lb-2.',
    );
  });

  test('know each other, their order, and the address that they hand each other', async () => {
    await create({ nodes: 3 });
    const members = [
      { name: 'lb-1', address: '10.0.0.5' },
      { name: 'lb-2', address: '10.0.0.6' },
      { name: 'lb-3', address: '10.0.0.7' },
    ];
    const floatingAddresses = ['10.0.9.1'];
    const routerId = preferredRouterId((await show()).id);
    for (const [index, priority] of [150, 100, 99].entries()) {
      const node = members[index];
      expect((await orderOf(node?.name ?? ''))?.node).toEqual({
        ...node,
        priority,
        floatingAddresses,
        routerId,
        members,
      });
    }
    expect((await show()).status.addresses).toEqual(['10.0.9.1']);
    // There is one for the three of them, and it is said.
    expect((await condition('FloatingAddresses')).message).toContain(
      'should have 3 floating addresses of VPC prod and has 1: no other one is free',
    );
    const vpc = { body: { spec: { floatingAddresses: ['10.0.9.2'] } } };
    expect((await fleet.call('PATCH', '/v1/vpcs/prod', vpc)).body.errors).toMatchObject([
      { pointer: '/spec/floatingAddresses', code: 'in_use' },
    ]);
  });

  test('come and go with the spec, and who stays keeps its address', async () => {
    await create();
    await fleet.work();
    expect((await show()).status.addresses).toEqual(['203.0.113.5']);
    await patch({ nodes: 2 });
    expect(await machinesOf()).toEqual(['lb-1', 'lb-2']);
    await fleet.work();
    expect((await show()).status).toMatchObject({ state: 'active', addresses: ['10.0.9.1'] });
    await patch({ nodes: 1 });
    expect(await machinesOf()).toEqual(['lb-1']);
    expect((await orderOf('lb-1'))?.node?.floatingAddresses).toEqual(['10.0.9.1']);
    await patch({ nodes: 4 });
    await untilOn(['lb-1', 'lb-3', 'lb-2']);
    await fleet.work();
    expect((await condition('Placed')).message).toContain('one is missing');
    expect((await show()).status.state).toBe('degraded');
  });

  test('a drained machine is given up when another serves in its place', async () => {
    await create({ nodes: 2 });
    await fleet.work();
    await fleet.call('PATCH', '/v1/machines/lb-1', { body: { draining: true } });
    expect(await machinesOf()).toEqual(['lb-1', 'lb-2', 'lb-3']);
    await untilOn(['lb-2', 'lb-3']);
    expect((await orderOf('lb-2'))?.node).toMatchObject({ priority: 150 });
    expect(await fleet.show('lb-1')).toMatchObject({ state: 'draining', loadBalancer: null });
    expect((await fleet.call('DELETE', '/v1/machines/lb-1')).status).toBe(202);
    const { body: events } = await fleet.call('GET', '/v1/events?type=node.added,node.removed,machine.*');
    expect(
      events.items.map(({ type, resource }: { type: string; resource: { name: string } }) => [
        type,
        resource.name,
      ]),
    ).toEqual(
      expect.arrayContaining([
        ['machine.ready', 'lb-1'],
        ['node.added', 'web-lb'],
        ['node.removed', 'web-lb'],
      ]),
    );
  });

  test('a node that comes later gets the whole spec, and the one before it what differs', async () => {
    await create();
    const versionOf = async (name: string) => (await fleet.machines.get(name)?.agent.desired())?.version ?? 0;
    const versions = { 'lb-1': await versionOf('lb-1'), 'lb-2': await versionOf('lb-2') };
    await fleet.work();
    await patch({ nodes: 2, algorithm: 'leastconn' });
    const newsOf = async (name: 'lb-1' | 'lb-2') => {
      const path = `/v1/agent/desired?since=${versions[name]}&patches=true`;
      return (await fleet.call('GET', path, { key: fleet.machines.get(name)?.token ?? '' })).body.changed[0];
    };
    expect(await newsOf('lb-2')).toMatchObject({ revision: 2, spec: { algorithm: 'leastconn' } });
    expect(await newsOf('lb-1')).toMatchObject({ revision: 2, patches: [expect.anything()] });
  });

  test('a claimed machine is not removed but by force, and then another takes its place', async () => {
    await create();
    await fleet.work();
    expect((await fleet.call('DELETE', '/v1/machines/lb-1')).body).toMatchObject({
      code: 'machine_in_use',
      detail: 'lb-1 serves web-lb',
      hint: expect.stringContaining('agentmetal machine drain lb-1'),
    });
    expect((await fleet.call('DELETE', '/v1/machines/lb-1?force=true')).status).toBe(204);
    expect(await machinesOf()).toEqual(['lb-2']);
    const { receipts } = (await fleet.call('GET', `${PATH}/revisions/1`)).body;
    expect(receipts).toEqual([]);
  });
});

test('a load balancer on the control plane’s host moves to machines when it is to have two', async () => {
  await create();
  await fleet.plane.agent.desired();
  await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
  await fleet.ready('lb-2', '10.0.0.6', { vpc: 'prod' });
  expect(await machinesOf()).toEqual(['local']);
  await patch({ nodes: 2 });
  expect((await machinesOf()).sort()).toEqual(['lb-1', 'lb-2', 'local']);
  expect((await fleet.plane.agent.desired()).changed[0]).toMatchObject({ address: '127.80.0.1' });
  await untilOn(['lb-1', 'lb-2']);
  expect((await fleet.plane.agent.desired()).ids).toEqual([]);
});

describe('more nodes than there are machines', () => {
  const create2 = async () => {
    await create();
    return patch({ nodes: 2 });
  };

  test('its address stays its own while the host of the control plane serves it', async () => {
    expect((await create2()).status).toBe(200);
    await create({}, 'second');
    expect((await show()).status.addresses).toEqual(['127.80.0.1']);
    expect((await show('/v1/load-balancers/second')).status.addresses).toEqual(['127.80.0.2']);
    // Machines are there, and do not serve yet.
    await fleet.ready('lb-2', '10.0.0.6', { vpc: 'prod' });
    await fleet.ready('lb-3', '10.0.0.7', { vpc: 'prod' });
    await waitFor('it to be given them', async () => (await machinesOf()).length === 3);
    await fleet.call('DELETE', '/v1/load-balancers/second');
    const other = { type: 'http', vpc: 'default' };
    for (const name of ['third', 'fourth'])
      await fleet.call('POST', '/v1/load-balancers', { body: { name, spec: other } });
    const addresses = ['third', 'fourth'].map(
      async (name) => (await show(`/v1/load-balancers/${name}`)).status.addresses,
    );
    expect(await Promise.all(addresses)).toEqual([['127.80.0.2'], ['127.80.0.3']]);
  });

  test('it is said what is missing, who serves meanwhile, and what to type', async () => {
    await create2();
    const { message } = await condition('Placed');
    expect(message).toContain('should have 2 of the machines of VPC prod and has none; 2 are missing');
    expect(message).toContain('Until then machine local serves it');
    expect(message).toContain('`agentmetal machine add ADDRESS --vpc prod`');
    expect(message).toContain('`agentmetal lb update web-lb --nodes 1`');
  });

  test('one node is enough again', async () => {
    await create2();
    await patch({ nodes: 1 });
    expect(await condition('Placed')).toBeUndefined();
    await fleet.plane.agent.desired();
    expect((await fleet.plane.agent.desired()).changed).toMatchObject([
      { revision: 3, address: '127.80.0.1' },
    ]);
    // It may go where it could have gone before.
    expect((await patch({ vpc: 'default' })).status).toBe(200);
  });

  test('one that nobody could serve is served when one node is enough', async () => {
    await create({ nodes: 2 });
    expect((await show()).status.addresses).toEqual([]);
    const since = (await fleet.plane.agent.desired()).version;
    await patch({ nodes: 1 });
    expect((await show()).status.addresses).toEqual(['127.80.0.1']);
    const { changed } = await fleet.plane.agent.desired(since);
    expect(changed).toMatchObject([{ address: '127.80.0.1', spec: { nodes: 1 } }]);
  });

  test('it goes to machines when its VPC gets some', async () => {
    await create2();
    await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
    await fleet.ready('lb-2', '10.0.0.6', { vpc: 'prod' });
    await untilOn(['lb-1', 'lb-2']);
    expect((await show()).status.addresses).toEqual(['10.0.9.1']);
  });

  test('a trial run warns of it', async () => {
    await create();
    const answer = await fleet.call('PATCH', `${PATH}?dryRun=true`, { body: { spec: { nodes: 2 } } });
    expect(answer.body.warnings).toEqual([
      expect.stringContaining('should have 2 of the machines of VPC prod and has none'),
    ]);
    expect(
      (await fleet.call('PATCH', `${PATH}?dryRun=true`, { body: { spec: { port: 8081 } } })).body,
    ).not.toHaveProperty('warnings');
  });
});

test('it does not move to another VPC where machines are concerned', async () => {
  await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
  await create();
  const answer = await patch({ vpc: 'default' });
  expect(answer.body.errors).toMatchObject([{ pointer: '/spec/vpc', code: 'immutable' }]);
});

test('a machine whose agent still takes off what it served is not free, and says so', async () => {
  const machine = await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
  const { agent, token } = machine;
  await create();
  await untilOn(['lb-1']);
  await fleet.call('DELETE', PATH);
  const { version } = await agent.desired(machine.version);
  const ask = (more: string) =>
    inject(fleet.plane.app, 'GET', `/v1/agent/desired?since=${version}${more}`, { key: token });
  await ask('&releasing=true');
  expect(await fleet.show('lb-1')).toMatchObject({ state: 'releasing', loadBalancer: null });
  await create({}, 'next');
  expect(await machinesOf('/v1/load-balancers/next')).toEqual([]);
  await ask('');
  await waitFor('it to be had', async () => (await machinesOf('/v1/load-balancers/next'))[0] === 'lb-1');
  expect((await fleet.show('lb-1')).state).toBe('online');
});
