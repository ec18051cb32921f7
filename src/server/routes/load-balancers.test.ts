import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LoadBalancer } from '../../api/load-balancer.ts';
import {
  type ControlPlane,
  PRODUCT_PAGE_BODY,
  startControlPlane,
} from '../../../test/support/control-plane.ts';

let plane: ControlPlane;
beforeAll(async () => (plane = await startControlPlane()));
afterAll(() => plane.stop());

async function create(name: string, spec: object = { type: 'http' }, labels: object = {}) {
  const answer = await plane.call('POST', '/v1/load-balancers', { body: { name, spec, labels } });
  expect(answer.text).toContain(name);
  expect(answer.status).toBe(201);
  return answer.body;
}

describe('create', () => {
  test('a VPC that does not exist is an error whose hint is the command that makes it', async () => {
    const answer = await plane.call('POST', '/v1/load-balancers', { body: PRODUCT_PAGE_BODY });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([
      { pointer: '/spec/vpc', code: 'unknown_vpc', detail: 'there is no VPC prod' },
    ]);
    expect(answer.body.hint).toContain('agentmetal vpc create prod --cidr 10.0.0.0/16');
  });

  test('the body of the product page is created as it stands', async () => {
    await plane.call('POST', '/v1/vpcs', { body: { name: 'prod', spec: { cidrs: ['10.0.0.0/16'] } } });
    const answer = await plane.call('POST', '/v1/load-balancers', { body: PRODUCT_PAGE_BODY });
    expect(answer.status).toBe(201);
    expect(answer.headers['location']).toBe(`/v1/load-balancers/${answer.body.id}`);
    expect(answer.headers['etag']).toBe('"1"');
    expect(LoadBalancer.parse(answer.body)).toEqual(answer.body);
    expect(answer.body).toMatchObject({
      name: 'web-lb',
      labels: {},
      revision: 1,
      spec: { port: 80, healthCheck: { type: 'http', path: '/health', interval: '5s', timeout: '2s' } },
      status: { state: 'pending', observedRevision: 0, addresses: ['127.80.0.1'] },
    });
    expect(answer.body.status.backends[0]).toMatchObject({
      state: 'checking',
      reason: 'waiting for the first report of machine local',
    });
    expect(answer.body.status.certificates[0]).toMatchObject({ domain: 'app.example.com', state: 'pending' });
  });

  test('a taken name, and every bad field at once', async () => {
    const taken = await plane.call('POST', '/v1/load-balancers', { body: PRODUCT_PAGE_BODY });
    expect(taken).toMatchObject({ status: 409, body: { code: 'name_taken' } });
    const body = {
      name: 'Bad Name',
      colour: 1,
      spec: { type: 'http', port: 0, backends: [{ target: 'x' }] },
    };
    const bad = await plane.call('POST', '/v1/load-balancers', { body });
    const pointers = bad.body.errors.map((error: { pointer: string }) => error.pointer).toSorted();
    expect(pointers).toEqual(['/colour', '/name', '/spec/backends/0/target', '/spec/port']);
  });

  test('a dry run answers the plan and creates nothing', async () => {
    const body = { name: 'never-made', spec: { type: 'tcp', port: 5432 } };
    const answer = await plane.call('POST', '/v1/load-balancers?dryRun=true', { body });
    expect(answer).toMatchObject({
      status: 200,
      body: { dryRun: true, revision: 1, plan: { path: 'start' } },
    });
    expect((await plane.call('GET', '/v1/load-balancers/never-made')).status).toBe(404);
  });

  test('an address outside the VPC is refused where it stands in the body', async () => {
    const spec = {
      type: 'http',
      vpc: 'prod',
      backends: [{ target: 'web:80' }, { target: '10.9.0.1:80' }, { target: '127.0.0.1:80' }],
    };
    const answer = await plane.call('POST', '/v1/load-balancers', { body: { name: 'outside', spec } });
    expect(answer.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([
      '/spec/backends/1/target',
      '/spec/backends/2/target',
    ]);
  });
});

describe('list', () => {
  test('selects by label and pages with a cursor and a link', async () => {
    for (const index of [1, 2, 3])
      await create(`listed-${index}`, { type: 'http' }, { env: 'list', n: String(index) });
    const names = (body: { items: { name: string }[] }) => body.items.map(({ name }) => name);
    const first = await plane.call('GET', '/v1/load-balancers?labelSelector=env%3Dlist,n!%3D2&limit=1');
    expect(names(first.body)).toEqual(['listed-1']);
    const next = /<([^>]+)>; rel="next"/.exec(first.headers['link'] ?? '')?.[1] ?? '';
    const second = await plane.call('GET', next);
    expect(names(second.body)).toEqual(['listed-3']);
    expect(second.body.nextCursor).toBeNull();
  });

  test.each([
    'limit=0',
    'limit=501',
    'limit=x',
    'cursor=x',
    'cursor=eyJhZnRlciI6MX0',
    'labelSelector=%21%21',
    'colour=red',
    'limit=1&limit=2',
  ])('%s is a bad request', async (query) => {
    expect((await plane.call('GET', `/v1/load-balancers?${query}`)).body.code).toBe('invalid_request');
  });
});

describe('change', () => {
  test('a merge patch changes what it names, and nothing makes no revision', async () => {
    const { id } = await create(
      'patched',
      { type: 'http', backends: [{ target: 'a:80' }] },
      { env: 'x', team: 'y' },
    );
    const path = '/v1/load-balancers/patched';
    const patch = { labels: { env: null }, spec: { algorithm: 'leastconn' } };
    const changed = await plane.call('PATCH', path, {
      body: patch,
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(changed).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    expect(changed.body).toMatchObject({
      id,
      revision: 2,
      labels: { team: 'y' },
      spec: { algorithm: 'leastconn', backends: [{ target: 'a:80' }] },
    });
    expect((await plane.call('PATCH', path, { body: patch })).body.revision).toBe(2);
    const { name, labels, spec } = changed.body;
    expect((await plane.call('PUT', path, { body: { name, labels, spec } })).body.revision).toBe(2);
  });

  test('defaults that follow from other fields do not stand in the way of a patch', async () => {
    await create('derived');
    const path = '/v1/load-balancers/derived';
    const faster = await plane.call('PATCH', path, { body: { spec: { healthCheck: { interval: '1s' } } } });
    expect(faster.body.spec.healthCheck).toMatchObject({ type: 'tcp', interval: '1s', timeout: '500ms' });
    const http = await plane.call('PATCH', path, { body: { spec: { healthCheck: { path: '/up' } } } });
    expect(http.body.spec.healthCheck).toMatchObject({ type: 'http', path: '/up', interval: '1s' });
  });

  test('what a patch results in is validated as a whole', async () => {
    await create('strict');
    const body = { colour: 1, spec: { port: 'x', nodes: 99 } };
    const answer = await plane.call('PATCH', '/v1/load-balancers/strict', { body });
    const pointers = answer.body.errors.map((error: { pointer: string }) => error.pointer).toSorted();
    expect(pointers).toEqual(['/colour', '/spec/nodes', '/spec/port']);
    expect((await plane.call('PATCH', '/v1/load-balancers/strict', { body: [] })).status).toBe(422);
    expect((await plane.call('PATCH', '/v1/load-balancers/strict', { raw: 'null' })).status).toBe(422);
  });

  test('a new name must be free, and the id stays', async () => {
    const { id } = await create('old-name');
    const renamed = await plane.call('PATCH', '/v1/load-balancers/old-name', { body: { name: 'new-name' } });
    expect(renamed.body).toMatchObject({ id, name: 'new-name', revision: 2 });
    expect((await plane.call('GET', '/v1/load-balancers/old-name')).status).toBe(404);
    expect((await plane.call('GET', `/v1/load-balancers/${id}`)).status).toBe(200);
    const taken = await plane.call('PATCH', '/v1/load-balancers/new-name', { body: { name: 'web-lb' } });
    expect(taken.body.code).toBe('name_taken');
  });

  test('If-Match is honoured with one tag, a list, a weak one and a star', async () => {
    await create('matched');
    const patch = (ifMatch: string, algorithm: string) =>
      plane.call('PATCH', '/v1/load-balancers/matched', {
        body: { spec: { algorithm } },
        headers: { 'if-match': ifMatch },
      });
    expect((await patch('"7"', 'first')).body).toMatchObject({ code: 'revision_mismatch', status: 412 });
    expect((await patch('"1"', 'first')).body.revision).toBe(2);
    expect((await patch('"9", "2"', 'random')).body.revision).toBe(3);
    expect((await patch('W/"3"', 'source')).body.revision).toBe(4);
    expect((await patch('*', 'uri')).body.revision).toBe(5);
    expect((await patch('5', 'uri')).body.code).toBe('invalid_request');
    const deletion = await plane.call('DELETE', '/v1/load-balancers/matched', {
      headers: { 'if-match': '"1"' },
    });
    expect(deletion.status).toBe(412);
  });

  test('a protected load balancer is not deleted until the protection is off', async () => {
    await create('kept', { type: 'http', deletionProtection: true });
    const path = '/v1/load-balancers/kept';
    expect((await plane.call('DELETE', path)).body).toMatchObject({
      code: 'deletion_protected',
      status: 409,
    });
    await plane.call('PATCH', path, { body: { spec: { deletionProtection: false } } });
    const dryRun = await plane.call('DELETE', `${path}?dryRun=true`);
    expect(dryRun.body).toMatchObject({ dryRun: true, spec: null, plan: { path: 'stop' } });
    expect((await plane.call('DELETE', path)).status).toBe(204);
    expect((await plane.call('GET', path)).body).toMatchObject({ code: 'not_found' });
    expect((await plane.call('GET', path)).body.hint).toContain('web-lb');
  });

  test('replacing one that does not exist is 404', async () => {
    const answer = await plane.call('PUT', '/v1/load-balancers/nobody', {
      body: { name: 'nobody', spec: { type: 'http' } },
    });
    expect(answer.body.code).toBe('not_found');
  });
});

test('the configuration is answered as text', async () => {
  const answer = await plane.call('GET', '/v1/load-balancers/web-lb/config');
  expect(answer.headers['content-type']).toContain('text/plain');
  expect(answer.text).toContain('global');
});

test('health and certificates', async () => {
  expect((await plane.call('GET', '/v1/load-balancers/web-lb/health')).body.backends).toHaveLength(2);
  expect((await plane.call('GET', '/v1/load-balancers/web-lb/certificates')).body.items).toHaveLength(1);
});
