import { afterEach, expect, test } from 'vitest';
import { AppError } from '../base/errors.ts';
import { type ControlPlane, startControlPlane } from '../../test/support/control-plane.ts';
import { parseAddressPool } from './address-pool.ts';

let plane: ControlPlane;
afterEach(() => plane.stop());

async function create(name: string, spec: object) {
  const { status, body } = await plane.call('POST', '/v1/load-balancers', { body: { name, spec } });
  return status === 201 ? body.status.nodes[0].address : body.code;
}

test('each load balancer has its own address while there are any, then shares one by port', async () => {
  plane = await startControlPlane({ addressPool: '192.0.2.1, 192.0.2.2' });
  expect(await create('a', { type: 'http' })).toBe('192.0.2.1');
  expect(await create('b', { type: 'http' })).toBe('192.0.2.2');
  expect(await create('c', { type: 'tcp', port: 5432 })).toBe('192.0.2.1');
  expect(await create('d', { type: 'tcp', port: 5432 })).toBe('192.0.2.2');
  expect(await create('e', { type: 'tcp', port: 443 })).toBe('address_pool_exhausted');
  await plane.call('DELETE', '/v1/load-balancers/a');
  await plane.call('DELETE', '/v1/load-balancers/c');
  expect(await create('e', { type: 'tcp', port: 443 })).toBe('192.0.2.1');
});

test('a change of port that clashes names the other load balancer', async () => {
  plane = await startControlPlane({ addressPool: '192.0.2.1' });
  await create('web', { type: 'http' });
  await create('db', { type: 'tcp', port: 5432 });
  const answer = await plane.call('PATCH', '/v1/load-balancers/db', { body: { spec: { port: 80 } } });
  expect(answer.body).toMatchObject({
    code: 'port_in_use',
    status: 409,
    detail: expect.stringContaining('web'),
  });
  expect((await plane.call('PATCH', '/v1/load-balancers/db', { body: { spec: { port: 81 } } })).status).toBe(
    200,
  );
});

test('the star is one address for all, told as the machine’s addresses', async () => {
  plane = await startControlPlane({ addressPool: '*' });
  expect(await create('web', { type: 'http' })).toBe('*');
  expect(await create('other', { type: 'http', port: 8080 })).toBe('address_pool_exhausted');
  expect(await create('db', { type: 'tcp', port: 5432 })).toBe('*');
  await plane.agent.report();
  expect((await plane.call('GET', '/v1/load-balancers/web')).body.status.addresses).toEqual(['192.0.2.10']);
});

test('an address is kept over restarts and other pools', async () => {
  plane = await startControlPlane({ addressPool: '127.80.0.0/30' });
  expect([await create('a', { type: 'http' }), await create('b', { type: 'http' })]).toEqual([
    '127.80.0.1',
    '127.80.0.2',
  ]);
  plane = await plane.restart();
  expect((await plane.call('GET', '/v1/load-balancers/b')).body.status.addresses).toEqual(['127.80.0.2']);
  expect(() => parseAddressPool('127.80.0.1/24')).toThrow(AppError);
  expect(() => parseAddressPool('')).toThrow(AppError);
});
