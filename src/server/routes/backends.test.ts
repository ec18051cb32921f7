import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../../test/support/control-plane.ts';

let plane: ControlPlane;
let count = 0;
let path: string;
beforeAll(async () => (plane = await startControlPlane()));
afterAll(() => plane.stop());
beforeEach(async () => {
  path = `/v1/load-balancers/lb-${count++}`;
  const body = {
    name: path.slice(19),
    spec: { type: 'http', backends: [{ target: 'web-1:8080', weight: 50 }] },
  };
  expect((await plane.call('POST', '/v1/load-balancers', { body })).status).toBe(201);
});

const targets = async () =>
  (await plane.call('GET', path)).body.spec.backends.map((backend: { target: string }) => backend.target);

test('one is added, several are added, and those that are there stay', async () => {
  const one = await plane.call('POST', `${path}/backends`, { body: { target: 'WEB-2:8080' } });
  expect(one).toMatchObject({ status: 201, headers: { etag: '"2"' } });
  expect(one.body).toMatchObject({
    target: 'web-2:8080',
    weight: 1,
    pool: 'default',
    status: { state: 'checking' },
  });
  expect(one.headers['location']).toMatch(/\/backends\/web-2%3A8080$/);
  const several = [{ target: 'web-2:8080' }, { target: '[FD00:0::7]:8080' }];
  expect((await plane.call('POST', `${path}/backends`, { body: several })).body.items).toHaveLength(2);
  const again = await plane.call('POST', `${path}/backends`, { body: several });
  expect(again).toMatchObject({ status: 200, headers: { etag: '"3"' } });
  expect(await targets()).toEqual(['web-1:8080', 'web-2:8080', '[fd00::7]:8080']);
});

test('one that is there with other settings is a conflict that says how to change it', async () => {
  const body = [{ target: 'web-9:8080' }, { target: 'web-1:8080', weight: 7 }];
  const answer = await plane.call('POST', `${path}/backends`, { body });
  expect(answer).toMatchObject({
    status: 409,
    body: { code: 'backend_exists', errors: [{ pointer: '/1/target' }] },
  });
  expect(answer.body.hint).toContain(`agentmetal lb backend set ${path.slice(19)} web-1:8080 --weight 7`);
  expect(await targets()).toEqual(['web-1:8080']);
});

test('errors point into the body that was sent', async () => {
  const pointers = async (body: unknown) =>
    (await plane.call('POST', `${path}/backends`, { body })).body.errors.map(
      (error: { pointer: string }) => error.pointer,
    );
  expect(await pointers({ target: 'web:1', weight: 999, colour: 1 })).toEqual(['/weight', '/colour']);
  expect(await pointers([{ target: 'web:1' }, { target: 'nope' }])).toEqual(['/1/target']);
  expect(await pointers([{ target: 'web:1' }, { target: 'WEB:1' }])).toEqual(['/1/target']);
  expect(await pointers([{ target: 'web:1' }, { target: '169.254.169.254:80' }])).toEqual(['/1/target']);
  expect(await pointers({ target: '8.8.8.8:80' })).toEqual(['/target']);
});

test('PUT upserts, PATCH changes, DELETE removes; targets in paths may be written in any form', async () => {
  const put = await plane.call('PUT', `${path}/backends/Web-2%3A80`, { body: { weight: 5 } });
  expect(put).toMatchObject({ status: 201, body: { target: 'web-2:80', weight: 5 } });
  expect(
    (await plane.call('PUT', `${path}/backends/web-2:80`, { body: { target: 'web-2:80', weight: 6 } }))
      .status,
  ).toBe(200);
  const other = await plane.call('PUT', `${path}/backends/web-2:80`, { body: { target: 'web-3:80' } });
  expect(other).toMatchObject({ status: 422, body: { errors: [{ pointer: '/target', code: 'conflict' }] } });
  const drained = await plane.call('PATCH', `${path}/backends/web-2:80`, {
    body: { drain: true, weight: null },
  });
  expect(drained.body).toMatchObject({ drain: true, weight: 1 });
  const bad = await plane.call('PATCH', `${path}/backends/web-2:80`, { body: { weight: -1, colour: 1 } });
  expect(bad.body.errors).toHaveLength(2);
  expect((await plane.call('GET', `${path}/backends/web-2:80`)).body.drain).toBe(true);
  expect((await plane.call('DELETE', `${path}/backends/web-2:80`)).status).toBe(204);
  const gone = await plane.call('DELETE', `${path}/backends/web-2:80`);
  expect(gone).toMatchObject({ status: 404, body: { hint: 'Its backends are: web-1:8080.' } });
  expect((await plane.call('GET', `${path}/backends/nonsense`)).status).toBe(404);
});

test('a dry run of each write changes nothing', async () => {
  const calls: [string, string, unknown?][] = [
    ['POST', '/backends', { target: 'new:80' }],
    ['PUT', '/backends/new:80', {}],
    ['PATCH', '/backends/web-1:8080', { drain: true }],
    ['DELETE', '/backends/web-1:8080'],
  ];
  for (const [method, suffix, body] of calls) {
    const answer = await plane.call(
      method,
      `${path}${suffix}?dryRun=true`,
      body === undefined ? {} : { body },
    );
    expect(answer).toMatchObject({ status: 200, body: { dryRun: true, revision: 2 } });
    expect(answer.body.plan.steps.length).toBeGreaterThan(0);
  }
  expect((await plane.call('GET', path)).body.revision).toBe(1);
});

test('fifty clients that add at the same time all succeed', async () => {
  const adds = Array.from({ length: 50 }, (_, index) =>
    plane.call('POST', `${path}/backends`, { body: { target: `host-${index}:80` } }),
  );
  const answers = await Promise.all(adds);
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 201));
  expect(await targets()).toHaveLength(51);
  expect(new Set(answers.map(({ headers }) => headers['etag'])).size).toBe(50);
});

test('If-Match holds the load balancer’s revision', async () => {
  const headers = { 'if-match': '"7"' };
  expect((await plane.call('POST', `${path}/backends`, { body: { target: 'x:1' }, headers })).status).toBe(
    412,
  );
  expect((await plane.call('DELETE', `${path}/backends/web-1:8080`, { headers })).status).toBe(412);
});

test('the list is paged in the order of the spec', async () => {
  await plane.call('POST', `${path}/backends`, { body: [{ target: 'b:1' }, { target: 'a:1' }] });
  const first = await plane.call('GET', `${path}/backends?limit=2`);
  const second = await plane.call('GET', `${path}/backends?limit=2&cursor=${first.body.nextCursor}`);
  const seen = [...first.body.items, ...second.body.items].map(({ target }: { target: string }) => target);
  expect(seen).toEqual(['web-1:8080', 'b:1', 'a:1']);
  expect(second.body.nextCursor).toBeNull();
});
