import { expect, it } from 'vitest';
import type { NodeOrder } from '../../api/agent.ts';
import { allAddresses, instancesOf } from './instances.ts';
import { roleOfAll } from './role.ts';

const order: NodeOrder = {
  name: 'lb-1',
  priority: 150,
  address: '10.80.0.11',
  floatingAddresses: ['203.0.113.100'],
  members: [],
  routerId: 3,
  spread: [
    { address: '203.0.113.101', routerId: 7, priority: 100 },
    { address: '203.0.113.102', routerId: 9, priority: 99 },
  ],
};
const ID = 'lb_01m833pgxtewv9hb4s1e6n3b2k';
const instances = (change: Partial<NodeOrder> = {}) =>
  instancesOf(ID, { ...order, ...change }, (address) => `eth-${address.slice(-3)}`);

it('each further address is agreed about by itself, under a name that stays when others go', () => {
  expect(instances().map(({ suffix, routerId, priority }) => [suffix, routerId, priority])).toEqual([
    ['', 3, 150],
    ['-7', 7, 100],
    ['-9', 9, 99],
  ]);
  expect(instances({ spread: order.spread?.slice(1) ?? [] })[1]).toEqual(instances()[2]);
  expect(instances()[2]?.floating).toEqual([{ address: '203.0.113.102', device: 'eth-102' }]);
  expect(allAddresses(order)).toEqual(['203.0.113.100', '203.0.113.101', '203.0.113.102']);
});

it('an order of before stands for one instance, by the id of the load balancer', () => {
  const { spread: _spread, routerId: _routerId, ...before } = order;
  expect(instancesOf(ID, before, () => 'eth0')).toEqual([
    { suffix: '', routerId: 237, priority: 150, floating: [{ address: '203.0.113.100', device: 'eth0' }] },
  ]);
});

const at = (role: 'active' | 'standby' | 'fault', second: number) => ({
  role,
  since: new Date(second * 1000),
});
it.each([
  { told: [at('active', 5), at('standby', 9), at('active', 3)], role: at('active', 3) },
  { told: [at('standby', 5), at('standby', 9)], role: at('standby', 9) },
  // What is given away is a fault for a moment.
  { told: [at('standby', 5), at('fault', 9)], role: at('standby', 9) },
  { told: [at('fault', 5), at('fault', 9)], role: at('fault', 9) },
  { told: [], role: undefined },
])('a node that has some of the addresses: $role.role', ({ told, role }) => {
  expect(roleOfAll(told)).toEqual(role);
});
