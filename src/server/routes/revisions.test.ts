import { afterAll, beforeAll, expect, test } from 'vitest';
import { Revision } from '../../api/load-balancer.ts';
import { type ControlPlane, createWebLb, startControlPlane } from '../../../test/support/control-plane.ts';

let plane: ControlPlane;
const PATH = '/v1/load-balancers/web-lb';
beforeAll(async () => {
  plane = await startControlPlane();
  await createWebLb(plane);
  await plane.call('PATCH', PATH, { body: { spec: { algorithm: 'leastconn' }, labels: { env: 'prod' } } });
  await plane.call('DELETE', `${PATH}/backends/web-1:8080`);
});
afterAll(() => plane.stop());

test('every change is kept with its author, diff and plan, the newest first', async () => {
  const { items } = (await plane.call('GET', `${PATH}/revisions`)).body;
  expect(items.map(({ number, action, author }: Revision) => [number, action, author])).toEqual([
    [3, 'update', 'admin'],
    [2, 'update', 'admin'],
    [1, 'create', 'admin'],
  ]);
  for (const item of items) expect(Revision.parse(item)).toEqual(item);
  expect(items[0].diff).toEqual([
    { pointer: '/spec/backends/web-1:8080', from: expect.objectContaining({ weight: 50 }) },
  ]);
  expect(items[0].plan).toMatchObject({
    path: 'runtime',
    steps: [{ action: 'remove-backend', target: 'web-1:8080' }],
  });
  expect(items[2].plan.path).toBe('start');
});

test('the list is paged', async () => {
  const first = (await plane.call('GET', `${PATH}/revisions?limit=2`)).body;
  const second = (await plane.call('GET', `${PATH}/revisions?limit=2&cursor=${first.nextCursor}`)).body;
  expect(second.items.map(({ number }: Revision) => number)).toEqual([1]);
  expect(second.nextCursor).toBeNull();
});

test('a restore brings the old spec back as a new revision; name and labels stay', async () => {
  await plane.call('PATCH', PATH, { body: { name: 'renamed' } });
  const path = '/v1/load-balancers/renamed';
  const dryRun = await plane.call('POST', `${path}/revisions/1/restore?dryRun=true`);
  expect(dryRun.body).toMatchObject({ dryRun: true, revision: 5 });
  const answer = await plane.call('POST', `${path}/revisions/1/restore`);
  expect(answer).toMatchObject({
    status: 201,
    body: { name: 'renamed', labels: { env: 'prod' }, revision: 5 },
  });
  expect(answer.body.spec).toMatchObject({
    algorithm: 'roundrobin',
    backends: [{ target: 'web-1:8080' }, { target: 'web-2:8080' }],
  });
  expect((await plane.call('GET', answer.headers['location'] ?? '')).body).toMatchObject({
    action: 'restore',
    restoredFrom: 1,
  });
  expect((await plane.call('POST', `${path}/revisions/1/restore`)).status).toBe(200);
  const stale = await plane.call('POST', `${path}/revisions/3/restore`, { headers: { 'if-match': '"4"' } });
  expect(stale.status).toBe(412);
  expect((await plane.call('POST', `${path}/revisions/42/restore`)).body.hint).toContain('Its newest is 5');
});
