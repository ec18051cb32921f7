import { afterEach, beforeEach, expect, test } from 'vitest';
import { PRODUCT_PAGE_BODY, inject } from '../../../test/support/control-plane.ts';
import { type Fleet, startFleet } from '../../../test/support/fleet.ts';
import { findAcmeAccount } from '../../store/acme-accounts.ts';

const SERVER = 'https://ca.test/directory';
const accountOf = (letter: string) => ({
  id: letter.repeat(32),
  privateKey: `{"kty":"RSA","d":"secret of ${letter}"}`,
  registration: '{}',
  meta: '{}',
  about: '{}',
});

let fleet: Fleet;
let id: string;
beforeEach(async () => {
  fleet = await startFleet();
  await fleet.call('POST', '/v1/vpcs', { body: { name: 'prod', spec: { cidrs: ['10.0.0.0/16'] } } });
  for (const [name, address] of [
    ['lb-1', '10.0.0.5'],
    ['lb-2', '10.0.0.6'],
    ['lb-3', '10.0.0.7'],
  ] as const)
    await fleet.ready(name, address, { vpc: 'prod' });
  const spec = { ...PRODUCT_PAGE_BODY.spec, tls: undefined, backends: [], nodes: 2 };
  id = (await fleet.call('POST', '/v1/load-balancers', { body: { name: 'web-lb', spec } })).body.id;
});
afterEach(() => fleet.stop());

const share = (machine: string, body: object, loadBalancer = id) =>
  inject(fleet.plane.app, 'POST', `/v1/agent/load-balancers/${loadBalancer}/account`, {
    key: fleet.machines.get(machine)?.token ?? null,
    body: { server: SERVER, ...body },
  });

test('the first account that a node offers is that of all nodes', async () => {
  expect((await share('lb-1', {})).status).toBe(404);
  const [one, two] = [accountOf('a'), accountOf('b')];
  expect((await share('lb-1', { account: one })).body).toEqual({ account: one });
  expect((await share('lb-2', { account: two })).body).toEqual({ account: one });
  expect((await share('lb-2', {})).body).toEqual({ account: one });
  // Another CA is another account.
  expect((await share('lb-2', { server: 'https://other.test/' })).status).toBe(404);
});

test('one that the CA does not know any more is replaced, and only that one', async () => {
  const [one, two, three] = [accountOf('a'), accountOf('b'), accountOf('c')];
  await share('lb-1', { account: one });
  expect((await share('lb-2', { replaces: one.id })).body).toEqual({ account: one });
  expect((await share('lb-2', { account: two, replaces: one.id })).body).toEqual({ account: two });
  expect((await share('lb-1', { account: three, replaces: one.id })).body).toEqual({ account: two });
});

test('nobody else learns it, and the store keeps it sealed', async () => {
  await share('lb-1', { account: accountOf('a') });
  expect((await share('lb-3', {})).status).toBe(404);
  expect((await share('lb-3', { account: accountOf('b'), replaces: 'a'.repeat(32) })).status).toBe(404);
  expect((await share('lb-1', {}, 'lb_unknown')).status).toBe(404);
  const path = `/v1/agent/load-balancers/${id}/account`;
  expect((await fleet.call('POST', path, { body: { server: SERVER } })).status).toBe(403);
  const { store } = fleet.plane.server.context;
  const kept = await store.transaction((tx) => findAcmeAccount(tx, { loadBalancerId: id, server: SERVER }));
  expect(kept?.sealed).toBeTruthy();
  expect(kept?.sealed).not.toContain('secret');
  await fleet.call('DELETE', '/v1/load-balancers/web-lb');
  expect(
    await store.transaction((tx) => findAcmeAccount(tx, { loadBalancerId: id, server: SERVER })),
  ).toBeUndefined();
});

test.each([
  ['an id that is a path', { account: { ...accountOf('a'), id: '../../etc' } }],
  ['a field that nobody knows', { account: { ...accountOf('a'), more: 1 } }],
  ['no directory', { server: 'ca.test' }],
])('%s is refused', async (_, body) => {
  expect((await share('lb-1', body)).status).toBe(422);
});
