import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CA_CERTIFICATE } from '../../../test/support/ca.ts';
import {
  type CallResult,
  type ControlPlane,
  startControlPlane,
} from '../../../test/support/control-plane.ts';

let plane: ControlPlane;
let count = 0;
let path: string;
beforeAll(async () => (plane = await startControlPlane()));
afterAll(() => plane.stop());
beforeEach(async () => {
  path = `/v1/load-balancers/pools-${count++}`;
  const created = await create(path.slice(19), {
    type: 'http',
    backends: [{ target: 'web-1:80' }],
    pools: { api: { backends: [{ target: 'api-1:80' }] }, empty: {} },
    routes: [{ name: 'to-api', match: { pathPrefix: '/api' }, pool: 'api' }],
  });
  expect(created.status).toBe(201);
});

const create = (name: string, spec: object) =>
  plane.call('POST', '/v1/load-balancers', { body: { name, spec } });
const pointers = ({ body }: CallResult): string[] =>
  body.errors.map(({ pointer }: { pointer: string }) => pointer);
const named = ({ body }: CallResult): string[] =>
  body.items.map(({ pool, target }: { pool: string; target: string }) => `${pool} ${target}`);

describe('backends of a pool', () => {
  test('are listed with those of the others, or alone', async () => {
    expect(named(await plane.call('GET', `${path}/backends`))).toEqual(['default web-1:80', 'api api-1:80']);
    expect(named(await plane.call('GET', `${path}/backends?pool=api`))).toEqual(['api api-1:80']);
    expect(named(await plane.call('GET', `${path}/backends?pool=default`))).toEqual(['default web-1:80']);
    const page = await plane.call('GET', `${path}/backends?limit=1&pool=api`);
    expect(page.body.nextCursor).toBeNull();
  });

  test('are added, shown, replaced, changed and removed there alone', async () => {
    const added = await plane.call('POST', `${path}/backends?pool=api`, { body: { target: 'WEB-1:80' } });
    expect(added).toMatchObject({
      status: 201,
      body: { target: 'web-1:80', pool: 'api', status: { pool: 'api', state: 'checking' } },
    });
    expect(added.headers['location']).toMatch(/\/backends\/web-1%3A80\?pool=api$/);
    expect((await plane.call('GET', added.headers['location'] ?? '')).body.pool).toBe('api');
    const put = await plane.call('PUT', `${path}/backends/api-2:80?pool=api`, { body: { weight: 3 } });
    expect(put).toMatchObject({ status: 201, body: { pool: 'api', weight: 3 } });
    await plane.call('PATCH', `${path}/backends/web-1:80?pool=api`, { body: { drain: true } });
    const { spec } = (await plane.call('GET', path)).body;
    expect(spec.backends).toMatchObject([{ target: 'web-1:80', drain: false }]);
    expect(spec.pools.api.backends).toMatchObject([
      { target: 'api-1:80' },
      { target: 'web-1:80', drain: true },
      { target: 'api-2:80', weight: 3 },
    ]);
    expect((await plane.call('DELETE', `${path}/backends/web-1:80?pool=api`)).status).toBe(204);
    expect(named(await plane.call('GET', `${path}/backends`))).toEqual([
      'default web-1:80',
      'api api-1:80',
      'api api-2:80',
    ]);
  });

  test('of a pool that is not there are a 404 that names those there are', async () => {
    const calls = [
      plane.call('GET', `${path}/backends?pool=apo`),
      plane.call('POST', `${path}/backends?pool=apo`, { body: { target: 'x:1' } }),
      plane.call('PUT', `${path}/backends/x:1?pool=apo`, { body: {} }),
      plane.call('PATCH', `${path}/backends/web-1:80?pool=constructor`, { body: {} }),
    ];
    for (const answer of await Promise.all(calls)) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
      expect(answer.body.hint).toContain('Its pools are: default, api, empty.');
    }
  });

  test('that are elsewhere, or not yet anywhere, are a 404 that says so', async () => {
    const elsewhere = await plane.call('GET', `${path}/backends/api-1:80`);
    expect(elsewhere.body).toMatchObject({ hint: 'It is in the pool api: name it with ?pool=api.' });
    const none = await plane.call('DELETE', `${path}/backends/new:80?pool=empty`);
    expect(none.body.hint).toMatch(/agentmetal lb backend add pools-\d+ --pool empty --target new:80$/);
  });

  test('are judged where they stand in the body that was sent', async () => {
    const outside = [{ target: 'api-1:80' }, { target: '8.8.8.8:80' }];
    const added = await plane.call('POST', `${path}/backends?pool=api`, { body: outside });
    expect(pointers(added)).toEqual(['/1/target']);
    const put = await plane.call('PUT', `${path}/backends/8.8.8.8:80?pool=api`, { body: {} });
    expect(pointers(put)).toEqual(['/target']);
    const spec = { type: 'http', pools: { api: { backends: outside } } };
    const whole = await plane.call('PUT', path, { body: { name: path.slice(19), spec } });
    expect(pointers(whole)).toEqual(['/spec/pools/api/backends/1/target']);
    const clash = await plane.call('POST', `${path}/backends?pool=api`, {
      body: [{ target: 'api-1:80', weight: 9 }],
    });
    expect(clash.body).toMatchObject({ code: 'backend_exists', errors: [{ pointer: '/0/target' }] });
    expect(clash.body.hint).toContain('api-1:80 --pool api --weight 9');
  });

  test('are bound by what their pool can carry', async () => {
    const body = Array.from({ length: 4095 }, (_, index) => ({ target: `h-${index}.x:80` }));
    const answer = await plane.call('POST', `${path}/backends?pool=api`, { body });
    expect(pointers(answer)).toEqual(['/spec/pools/api/algorithm']);
    expect((await plane.call('GET', path)).body.revision).toBe(1);
  });
});

describe('settings inside a backend', () => {
  const tls = { verify: false, serverName: 'api.internal', ca: CA_CERTIFICATE };
  const patch = (body: object) => plane.call('PATCH', `${path}/backends/web-1:80`, { body });

  test('are patched field by field, and null sets them back', async () => {
    await patch({ tls, sendProxy: 'v2', healthCheck: { port: 9000, fall: 5 } });
    const renamed = await patch({ tls: { serverName: 'API.example.com' }, healthCheck: { port: null } });
    expect(renamed.body).toMatchObject({
      tls: { ...tls, serverName: 'api.example.com' },
      sendProxy: 'v2',
      healthCheck: { fall: 5 },
    });
    expect(renamed.body.healthCheck).toEqual({ fall: 5 });
    const back = await patch({ tls: { verify: null, ca: null }, sendProxy: null, healthCheck: null });
    expect(back.body.tls).toEqual({ verify: true, serverName: 'api.example.com' });
    expect(back.body).not.toHaveProperty('sendProxy');
    expect(back.body).not.toHaveProperty('healthCheck');
    expect((await patch({ tls: null })).body).not.toHaveProperty('tls');
  });

  test('are refused with a pointer into the patch', async () => {
    expect(pointers(await patch({ tls: { verify: 'no', colour: 1 } }))).toEqual([
      '/tls/verify',
      '/tls/colour',
    ]);
    expect(pointers(await patch({ tls: { serverName: 'a b' } }))).toEqual(['/tls/serverName']);
    expect(pointers(await patch({ healthCheck: { interval: 'soon' } }))).toEqual(['/healthCheck/interval']);
  });

  test('a CA in form alone is refused before HAProxy would refuse everything', async () => {
    const ca = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    expect(pointers(await patch({ tls: { ca } }))).toEqual(['/tls/ca']);
    const spec = { type: 'http', pools: { api: { backends: [{ target: 'a:1', tls: { ca } }] } } };
    expect(pointers(await create('with-bad-ca', spec))).toEqual(['/spec/pools/api/backends/0/tls/ca']);
    const several = {
      ...spec,
      pools: { api: { backends: [{ target: 'a:1', tls: { ca: CA_CERTIFICATE.repeat(2) } }] } },
    };
    expect((await create('with-good-ca', several)).status).toBe(201);
  });
});

describe('a patch of the load balancer', () => {
  const spec = async () => (await plane.call('GET', path)).body.spec;
  const patch = async (fields: object) => {
    const answer = await plane.call('PATCH', path, { body: { spec: fields } });
    expect(answer.body.errors ?? []).toEqual([]);
    return answer.body.spec;
  };

  test('of another kind of stickiness does not fall over what the old kind had by default', async () => {
    await patch({ sticky: { mode: 'cookie' }, pools: { api: { sticky: { mode: 'cookie' } } } });
    const changed = await patch({
      sticky: { mode: 'source-ip' },
      pools: { api: { sticky: { mode: 'source-ip', ttl: '1h' } } },
    });
    expect(changed.sticky).toEqual({ mode: 'source-ip', ttl: '30m' });
    expect(changed.pools.api.sticky).toEqual({ mode: 'source-ip', ttl: '1h' });
    const back = await patch({ sticky: { mode: 'cookie', cookieName: 'S' } });
    expect(back.sticky).toEqual({ mode: 'cookie', cookieName: 'S', httpOnly: true, sameSite: 'lax' });
  });

  test('of the type takes along the timeouts that were set, and the defaults of the new type', async () => {
    await patch({ timeouts: { connect: '3s' } });
    const tcp = await patch({ type: 'tcp', port: 7000, routes: null });
    expect(tcp.timeouts).toEqual({ connect: '3s', client: '1h', server: '1h', queue: '30s', drain: '12h' });
  });

  test('of the check of a pool', async () => {
    await patch({ pools: { api: { healthCheck: { path: '/health', interval: '1s' } } } });
    const slower = await patch({ pools: { api: { healthCheck: { interval: '10s' } } } });
    expect(slower.pools.api.healthCheck).toMatchObject({ type: 'http', interval: '10s', timeout: '2s' });
    const untyped = await patch({ pools: { api: { healthCheck: { path: null } } } });
    expect(untyped.pools.api.healthCheck).toMatchObject({ type: 'http', path: '/' });
    const tcp = await patch({ pools: { api: { healthCheck: { type: 'tcp' } } } });
    expect(tcp.pools.api.healthCheck).toMatchObject({ type: 'tcp', interval: '10s' });
  });

  test('that removes a pool is refused while a route sends there', async () => {
    const refused = await plane.call('PATCH', path, { body: { spec: { pools: { api: null } } } });
    expect(pointers(refused)).toEqual(['/spec/routes/0/pool']);
    await patch({ pools: { empty: null } });
    expect(Object.keys((await spec()).pools)).toEqual(['api']);
  });
});

describe('ports of tcp', () => {
  test('are all taken, and clash with those of others', async () => {
    const everywhere = await startControlPlane({ addressPool: '*' });
    const call = (name: string, spec: object) =>
      everywhere.call('POST', '/v1/load-balancers', { body: { name, spec: { type: 'tcp', ...spec } } });
    expect((await call('many', { ports: ['6000-6010', 5000] })).body.spec).toMatchObject({
      port: 6000,
      ports: ['6000-6010', '5000'],
    });
    const clash = await call('other', { port: 6005 });
    expect(clash).toMatchObject({ status: 409, body: { code: 'address_pool_exhausted' } });
    expect(clash.body.detail).toContain('many has port 6005');
    expect((await call('other', { port: 6011 })).status).toBe(201);
    const moved = await everywhere.call('PATCH', '/v1/load-balancers/other', {
      body: { spec: { ports: ['5000'] } },
    });
    expect(moved).toMatchObject({ status: 409, body: { code: 'port_in_use' } });
    const others = await everywhere.call('PATCH', '/v1/load-balancers/many', {
      body: { spec: { ports: ['7000-7001'] } },
    });
    expect(others.body.spec).toMatchObject({ port: 7000, ports: ['7000-7001'] });
    await everywhere.stop();
  });
});

describe('a VPC', () => {
  test('keeps the networks and hosts that a pool’s backends need', async () => {
    const hosts = [{ name: 'api-1', addresses: ['10.7.0.1'] }];
    await plane.call('POST', '/v1/vpcs', {
      body: { name: 'seven', spec: { cidrs: ['10.7.0.0/16'], hosts } },
    });
    const backends = [{ target: 'api-1:80' }, { target: '10.7.0.2:80' }];
    await create('in-seven', { type: 'http', vpc: 'seven', pools: { api: { backends } } });
    const removed = await plane.call('DELETE', '/v1/vpcs/seven/hosts/api-1');
    expect(removed.body).toMatchObject({
      code: 'host_in_use',
      hint: 'Remove the backend first: agentmetal lb backend remove in-seven api-1:80 --pool api',
    });
    const body = { spec: { cidrs: ['10.7.0.0/31'] } };
    const narrowed = await plane.call('PATCH', '/v1/vpcs/seven', { body });
    expect(narrowed.body.hint).toContain('agentmetal lb backend remove in-seven 10.7.0.2:80 --pool api');
  });
});
