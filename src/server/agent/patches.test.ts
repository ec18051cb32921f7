import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DesiredLoadBalancer, DesiredPatch, DesiredState } from '../../api/agent.ts';
import { patchedOrder } from '../../agent/patched-order.ts';
import { type ControlPlane, inject, startControlPlane } from '../../../test/support/control-plane.ts';

let plane: ControlPlane;
beforeEach(async () => {
  plane = await startControlPlane();
  const backends = Array.from({ length: 50 }, (_, index) => ({ target: `10.0.0.1:${index + 1}` }));
  await plane.call('POST', '/v1/load-balancers', {
    body: { name: 'many', spec: { type: 'http', backends } },
  });
});
afterEach(() => plane.stop());

const PATH = '/v1/load-balancers/many';
const ask = async (since: number, patches = true): Promise<DesiredState> => {
  const path = `/v1/agent/desired?since=${since}${patches ? '&patches=true' : ''}`;
  return (await inject(plane.app, 'GET', path, { key: plane.agentToken })).body as DesiredState;
};
const weigh = (port: number, weight: number) =>
  plane.call('PATCH', `${PATH}/backends/10.0.0.1%3A${port}`, { body: { weight } });
const spec = async () => (await plane.call('GET', PATH)).body.spec;

test('an agent is told what differs from what it has, and so has the whole', async () => {
  const first = await ask(0);
  const whole = first.changed[0] as DesiredLoadBalancer;
  expect(whole.spec.backends).toHaveLength(50);
  await weigh(7, 20);
  await plane.call('POST', `${PATH}/backends`, { body: { target: '10.0.0.2:1' } });
  const next = await ask(first.version);
  const patch = next.changed[0] as DesiredPatch;
  expect(patch).not.toHaveProperty('spec');
  expect(patch).toMatchObject({ base: whole.tag, revision: 3 });
  expect(JSON.stringify(patch).length).toBeLessThan(1000);
  const patched = patchedOrder(whole, patch);
  expect(patched?.spec).toEqual(await spec());
  expect(patched).not.toHaveProperty('patches');
  await plane.call('DELETE', `${PATH}/backends/10.0.0.1%3A3`);
  const last = (await ask(next.version)).changed[0] as DesiredPatch;
  expect(patchedOrder(patched, last)?.spec).toEqual(await spec());
  expect(patchedOrder(whole, last)).toBeUndefined();
});

test('a change of the VPC alone comes with no patch', async () => {
  const first = await ask(0);
  await plane.call('POST', '/v1/vpcs/default/hosts', { body: { name: 'web-1', addresses: ['10.0.0.9'] } });
  const [order] = (await ask(first.version)).changed;
  expect(order).toMatchObject({ patches: [], vpc: { hosts: [{ name: 'web-1' }] } });
  expect(order).toMatchObject({ base: (first.changed[0] as DesiredLoadBalancer).tag });
});

test('one that asks for everything, or does not know patches, gets the whole, after a restart too', async () => {
  const { version } = await ask(0);
  await weigh(7, 20);
  expect((await ask(version, false)).changed[0]).toHaveProperty('spec');
  expect((await ask(0)).changed[0]).toHaveProperty('spec');
  plane = await plane.restart();
  expect((await ask(version)).changed[0]).toHaveProperty('patches');
  expect((await ask(0)).changed[0]).toMatchObject({ spec: await spec() });
});
