import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../../test/support/control-plane.ts';

let plane: ControlPlane;
beforeAll(async () => (plane = await startControlPlane()));
afterAll(() => plane.stop());

async function keyWith(role: string): Promise<string> {
  const { body } = await plane.call('POST', '/v1/keys', { body: { name: `a-${role}`, role } });
  return body.key as string;
}

test('without a key the answer is 401 and says how to send one', async () => {
  const answer = await plane.call('GET', '/v1/load-balancers', { key: null });
  expect(answer.status).toBe(401);
  expect(answer.headers['www-authenticate']).toContain('Bearer');
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.body).toMatchObject({
    code: 'unauthenticated',
    status: 401,
    requestId: answer.headers['x-request-id'],
  });
});

test.each(['Bearer', 'Bearer ', 'Basic YTpi', 'Bearer nope', 'Bearer a b', `Bearer ${'x'.repeat(5000)}`])(
  'the header %j is no key',
  async (authorization) => {
    const answer = await plane.call('GET', '/v1/load-balancers', { key: null, headers: { authorization } });
    expect(answer.status).toBe(401);
  },
);

test('a body is not read for a caller without a key', async () => {
  const answer = await plane.call('POST', '/v1/load-balancers', { key: null, raw: '{' });
  expect(answer.status).toBe(401);
});

test('a viewer reads, an operator writes, an admin makes keys', async () => {
  const [viewer, operator, admin] = [
    await keyWith('viewer'),
    await keyWith('operator'),
    await keyWith('admin'),
  ];
  const body = { name: 'made-by-role', spec: { type: 'http' } };
  expect((await plane.call('GET', '/v1/load-balancers', { key: viewer })).status).toBe(200);
  expect((await plane.call('POST', '/v1/load-balancers', { key: viewer, body })).body.code).toBe('forbidden');
  expect((await plane.call('POST', '/v1/load-balancers', { key: operator, body })).status).toBe(201);
  expect((await plane.call('GET', '/v1/keys', { key: operator })).body.code).toBe('forbidden');
  expect((await plane.call('GET', '/v1/keys', { key: admin })).status).toBe(200);
});

test('an agent reaches its own paths alone, and a key none of them', async () => {
  const { agentToken: key } = plane;
  expect((await plane.call('GET', '/v1/agent/desired', { key })).status).toBe(200);
  expect((await plane.call('GET', '/v1/load-balancers', { key })).body.code).toBe('forbidden');
  expect((await plane.call('GET', '/v1/agent/desired')).body.code).toBe('forbidden');
});

test('a key is shown once and never again', async () => {
  const created = await plane.call('POST', '/v1/keys', { body: { name: 'shown-once', role: 'viewer' } });
  expect(created.status).toBe(201);
  expect(created.body.key).toMatch(/^am_[0-9A-Za-z]{40}$/);
  expect(created.body.key.startsWith(created.body.prefix)).toBe(true);
  const shown = await plane.call('GET', '/v1/keys/shown-once');
  expect(shown.text).not.toContain(created.body.key);
  expect(shown.body).toMatchObject({ name: 'shown-once', lastUsedAt: null });
});

test('a revoked key stops working at once, and the last admin key stays', async () => {
  const { body } = await plane.call('POST', '/v1/keys', { body: { name: 'short-lived' } });
  expect(body.role).toBe('operator');
  expect((await plane.call('DELETE', '/v1/keys/short-lived?dryRun=true')).body.dryRun).toBe(true);
  expect((await plane.call('GET', '/v1/vpcs', { key: body.key })).status).toBe(200);
  expect((await plane.call('DELETE', '/v1/keys/short-lived')).status).toBe(204);
  expect((await plane.call('GET', '/v1/vpcs', { key: body.key })).status).toBe(401);
  await plane.call('DELETE', '/v1/keys/a-admin');
  const last = await plane.call('DELETE', '/v1/keys/admin');
  expect(last).toMatchObject({ status: 409, body: { code: 'last_admin_key' } });
  expect((await plane.call('POST', '/v1/keys', { body: { name: 'admin' } })).body.code).toBe('name_taken');
});
