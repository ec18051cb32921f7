import { describe, expect, test } from 'vitest';
import { preferredRouterId } from '../../api/router-id.ts';
import type { FloatingAddress } from '../../store/load-balancers.ts';
import { type AddressSource, type AddressedBalancer, allotAddresses, wantedAddresses } from './allot.ts';

const SOURCE: AddressSource = { pool: ['10.0.9.0/29'], isAnnounced: false, now: 1000 };
const balancer = (nodes: number, more: Partial<AddressedBalancer> = {}): AddressedBalancer => ({
  id: 'lb_1',
  nodes,
  machines: ['a', 'b', 'c'].slice(0, nodes),
  floating: [],
  holders: new Map(),
  keepMs: 60_000,
  ...more,
});
/** What one load balancer has then. */
const allot = (one: AddressedBalancer, source: Partial<AddressSource> = {}): FloatingAddress[] =>
  allotAddresses([one], { ...SOURCE, ...source })[0] ?? [];
const addressesOf = (floating: readonly FloatingAddress[]) => floating.map(({ address }) => address);
const three = (more: Partial<AddressedBalancer> = {}) =>
  balancer(3, { floating: allot(balancer(3)), ...more });

test('as many as nodes from three on, unless they announce one', () => {
  expect([1, 2, 3, 5].map((nodes) => wantedAddresses(nodes, false))).toEqual([0, 1, 3, 5]);
  expect([1, 2, 3, 5].map((nodes) => wantedAddresses(nodes, true))).toEqual([0, 1, 1, 1]);
});

test('each machine is the home of one, and each has a virtual router id of its own', () => {
  const floating = allot(balancer(3));
  expect(addressesOf(floating)).toEqual(['10.0.9.1', '10.0.9.2', '10.0.9.3']);
  expect(floating.map(({ home }) => home)).toEqual(['a', 'b', 'c']);
  expect(floating[0]?.routerId).toBe(preferredRouterId('lb_1'));
  expect(new Set(floating.map(({ routerId }) => routerId)).size).toBe(3);
});

test('two nodes have one, which is at home with nobody', () => {
  expect(allot(balancer(2))).toMatchObject([{ address: '10.0.9.1', home: null, freeAt: null }]);
});

test('as many as there are, and those of others are theirs', () => {
  const [first = [], second = []] = allotAddresses(
    [balancer(3), balancer(3, { id: 'lb_2', machines: ['d', 'e', 'f'] })],
    { ...SOURCE, pool: ['10.0.9.1', '10.0.9.2', '10.0.9.3', '10.0.9.4'] },
  );
  expect(addressesOf(first)).toEqual(['10.0.9.1', '10.0.9.2', '10.0.9.3']);
  expect(addressesOf(second)).toEqual(['10.0.9.4']);
  expect(new Set([...first, ...second].map(({ routerId }) => routerId)).size).toBe(4);
});

test('load balancers that would have the same virtual router id have different ones', () => {
  const ids = Array.from({ length: 400 }, (_, index) => `lb_${index}`);
  const twin = ids.find((id) => id !== 'lb_1' && preferredRouterId(id) === preferredRouterId('lb_1')) ?? '';
  const all = allotAddresses([balancer(2), balancer(2, { id: twin })], SOURCE).flat();
  expect(all.map(({ routerId }) => routerId)).toEqual([preferredRouterId('lb_1'), 1]);
});

test('with more addresses than ids, those of one load balancer differ', () => {
  const many = Array.from({ length: 130 }, (_, index) => balancer(3, { id: `lb_${index}` }));
  for (const floating of allotAddresses(many, { ...SOURCE, pool: ['10.0.0.0/22'] }))
    expect(new Set(floating.map(({ routerId }) => routerId)).size).toBe(3);
});

describe('when nodes come and go', () => {
  test('the first stays, and the others are kept while clients may know them', () => {
    const fewer = allot({ ...three(), nodes: 2, machines: ['a', 'b'] });
    expect(fewer.map(({ freeAt }) => freeAt)).toEqual([null, 61_000, 61_000]);
    expect(fewer.map(({ home }) => home)).toEqual(['a', 'b', 'a']);
    const later = (now: number) => allot(balancer(2, { floating: fewer }), { now });
    expect(later(60_999).map(({ freeAt }) => freeAt)).toEqual([null, 61_000, 61_000]);
    expect(addressesOf(later(61_000))).toEqual(['10.0.9.1']);
    expect(addressesOf(allot(balancer(1, { floating: later(61_000) })))).toEqual(['10.0.9.1']);
  });

  test('those that are kept are taken again before others', () => {
    const fewer = allot({ ...three(), nodes: 2, machines: ['a', 'b'] });
    expect(allot(balancer(3, { floating: fewer }), { now: 2000 })).toEqual(three().floating);
  });

  test('a kept one that is none of the VPC any more is given back at once', () => {
    const fewer = allot({ ...three(), nodes: 2, machines: ['a', 'b'] });
    expect(addressesOf(allot(balancer(2, { floating: fewer }), { pool: ['10.0.9.1', '10.0.9.3'] }))).toEqual([
      '10.0.9.1',
      '10.0.9.3',
    ]);
  });

  test('a machine in the place of another has its address, and no other moves', () => {
    expect(allot(three({ machines: ['a', 'c', 'd'] })).map(({ home }) => home)).toEqual(['a', 'd', 'c']);
  });

  test('where routers come to be told, one is enough', () => {
    expect(allot(three(), { isAnnounced: true }).map(({ freeAt }) => freeAt)).toEqual([null, 61_000, 61_000]);
  });
});

test('that a node has had an address is remembered', () => {
  const seen = allot(three({ holders: new Map([['10.0.9.2', 'b']]) }));
  expect(seen.map(({ isServed }) => isServed)).toEqual([false, true, false]);
  expect(allot(three({ floating: seen })).map(({ isServed }) => isServed)).toEqual([false, true, false]);
});
