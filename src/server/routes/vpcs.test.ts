import { afterAll, beforeAll, expect, test } from 'vitest';
import { Vpc } from '../../api/resources.ts';
import { type ControlPlane, startControlPlane } from '../../../test/support/control-plane.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
  const hosts = [{ name: 'web-1', addresses: ['10.0.0.1'] }];
  const made = await plane.call('POST', '/v1/vpcs', {
    body: { name: 'prod', spec: { cidrs: ['10.0.0.0/16'], hosts } },
  });
  expect(made).toMatchObject({ status: 201, headers: { etag: '"1"', location: `/v1/vpcs/${made.body.id}` } });
  expect(Vpc.parse(made.body)).toEqual(made.body);
  const backends = [{ target: 'web-1:80' }, { target: '10.0.7.7:80' }];
  await plane.call('POST', '/v1/load-balancers', {
    body: { name: 'user', spec: { type: 'http', vpc: 'prod', backends } },
  });
});
afterAll(() => plane.stop());

const prod = async () => (await plane.call('GET', '/v1/vpcs/prod')).body;

test('the default VPC holds the private ranges and cannot be deleted', async () => {
  const { body } = await plane.call('GET', '/v1/vpcs/default');
  expect(body.spec.cidrs).toContain('10.0.0.0/8');
  expect((await plane.call('DELETE', '/v1/vpcs/default')).body).toMatchObject({
    code: 'vpc_in_use',
    status: 409,
  });
});

test('a VPC with load balancers is not deleted, and says which they are', async () => {
  expect((await prod()).status.loadBalancers).toEqual(['user']);
  const answer = await plane.call('DELETE', '/v1/vpcs/prod');
  expect(answer.body).toMatchObject({ code: 'vpc_in_use', detail: expect.stringContaining('user') });
});

test('a change leaves no backend outside, no host behind, and the name alone', async () => {
  const narrowed = await plane.call('PATCH', '/v1/vpcs/prod', { body: { spec: { cidrs: ['10.0.0.0/24'] } } });
  expect(narrowed.body.errors).toMatchObject([{ pointer: '/spec/cidrs', code: 'outside_vpc' }]);
  expect(narrowed.body.hint).toContain('agentmetal lb backend remove user 10.0.7.7:80');
  const hosts = await plane.call('PATCH', '/v1/vpcs/prod', { body: { spec: { hosts: [] } } });
  expect(hosts.body).toMatchObject({ code: 'host_in_use', status: 409 });
  const renamed = await plane.call('PATCH', '/v1/vpcs/prod', { body: { name: 'staging' } });
  expect(renamed.body.errors).toMatchObject([{ pointer: '/name', code: 'immutable' }]);
  const outside = { cidrs: ['10.0.0.0/16'], hosts: [{ name: 'web-1', addresses: ['10.0.0.1', '10.9.0.1'] }] };
  const put = await plane.call('PUT', '/v1/vpcs/prod', { body: { name: 'prod', spec: outside } });
  expect(put.body.errors).toMatchObject([{ pointer: '/spec/hosts/0/addresses/1', code: 'outside_vpc' }]);
  expect((await prod()).revision).toBe(1);
});

test('hosts are added, changed and removed one by one', async () => {
  const path = '/v1/vpcs/prod/hosts';
  const add = (body: object) => plane.call('POST', path, { body });
  expect((await add({ name: 'web-2', addresses: ['10.0.0.2'] })).status).toBe(201);
  expect((await add({ name: 'web-2', addresses: ['10.0.0.2'] })).status).toBe(200);
  expect((await add({ name: 'web-2', addresses: ['10.0.0.3'] })).body.code).toBe('name_taken');
  expect((await add({ name: 'web-3', addresses: ['10.9.0.3'] })).body.errors).toMatchObject([
    { pointer: '/addresses/0' },
  ]);
  expect((await plane.call('PUT', `${path}/web-2`, { body: { addresses: ['10.0.0.9'] } })).status).toBe(200);
  expect((await plane.call('PUT', `${path}/web-4`, { body: { addresses: ['10.0.0.4'] } })).status).toBe(201);
  expect((await plane.call('GET', `${path}/web-2`)).body.addresses).toEqual(['10.0.0.9']);
  expect((await plane.call('GET', path)).body.items).toHaveLength(3);
  const dryRun = await plane.call('DELETE', `${path}/web-4?dryRun=true`);
  expect(dryRun.body).toMatchObject({ dryRun: true, loadBalancers: ['user'] });
  expect((await plane.call('DELETE', `${path}/web-4`)).status).toBe(204);
  expect((await plane.call('DELETE', `${path}/web-4`)).status).toBe(404);
  expect((await plane.call('DELETE', `${path}/web-1`)).body.code).toBe('host_in_use');
});

test('a dry run creates nothing, a taken name is told, an empty VPC is deleted', async () => {
  const body = { name: 'tmp', spec: { cidrs: ['10.1.0.0/16'] } };
  expect((await plane.call('POST', '/v1/vpcs?dryRun=true', { body })).body.dryRun).toBe(true);
  expect((await plane.call('POST', '/v1/vpcs', { body })).status).toBe(201);
  expect((await plane.call('POST', '/v1/vpcs', { body })).body.code).toBe('name_taken');
  expect((await plane.call('GET', '/v1/vpcs?limit=2')).body.items.map(({ name }: Vpc) => name)).toEqual([
    'default',
    'prod',
  ]);
  expect((await plane.call('DELETE', '/v1/vpcs/tmp', { headers: { 'if-match': '"5"' } })).status).toBe(412);
  expect((await plane.call('DELETE', '/v1/vpcs/tmp')).status).toBe(204);
});

test('labels alone wake no agent, a new address does', async () => {
  const { version } = await plane.agent.desired();
  await plane.call('PATCH', '/v1/vpcs/prod', { body: { labels: { env: 'prod' } } });
  expect((await plane.agent.desired()).version).toBe(version);
  await plane.call('PUT', '/v1/vpcs/prod/hosts/web-1', { body: { addresses: ['10.0.0.77'] } });
  const news = await plane.agent.desired(version);
  expect(news.changed[0]?.vpc.hosts[0]).toEqual({ name: 'web-1', addresses: ['10.0.0.77'] });
  expect(news.changed[0]?.revision).toBe(1);
});
