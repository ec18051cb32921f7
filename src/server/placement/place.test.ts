import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PlaceableBalancer, type PlaceableMachine, type PlacedNode, placeNodes } from './place.ts';

const machine = (id: string, more: Partial<PlaceableMachine> = {}): PlaceableMachine => ({
  id,
  name: id,
  vpcId: 'vpc_1',
  isUsable: true,
  isDraining: false,
  ...more,
});
const node = (machineId: string, position = 0, isLive = true): PlacedNode => ({
  machineId,
  position,
  isLive,
});
const balancer = (
  wanted: number,
  nodes: PlacedNode[] = [],
  more: Partial<PlaceableBalancer> = {},
): PlaceableBalancer => ({ id: 'lb_1', vpcId: 'vpc_1', wanted, nodes, ...more });

const claimed = (changes: ReturnType<typeof placeNodes>) => changes.claims.map(({ machineId }) => machineId);
const released = (changes: ReturnType<typeof placeNodes>) =>
  changes.releases.map(({ machineId }) => machineId);

describe('claims', () => {
  test('as many free machines of the VPC as are wanted, in order', () => {
    const machines = [
      machine('a', { vpcId: 'vpc_2' }),
      machine('b', { isUsable: false }),
      machine('c', { isDraining: true }),
      machine('d'),
      machine('e'),
      machine('f'),
    ];
    const changes = placeNodes([balancer(2)], machines);
    expect(changes.claims).toEqual([
      { loadBalancerId: 'lb_1', machineId: 'd', position: 0 },
      { loadBalancerId: 'lb_1', machineId: 'e', position: 1 },
    ]);
    expect(changes.releases).toEqual([]);
  });

  test('a machine is one load balancer’s alone, and who came first has it', () => {
    const changes = placeNodes(
      [balancer(1, [node('a')]), balancer(2, [], { id: 'lb_2' }), balancer(1, [], { id: 'lb_3' })],
      [machine('a'), machine('b')],
    );
    expect(changes.claims).toEqual([{ loadBalancerId: 'lb_2', machineId: 'b', position: 0 }]);
  });

  test('a further node comes behind those that there are', () => {
    const changes = placeNodes([balancer(2, [node('a', 7)])], [machine('a'), machine('b')]);
    expect(changes.claims).toEqual([{ loadBalancerId: 'lb_1', machineId: 'b', position: 8 }]);
  });
});

describe('releases', () => {
  test('nothing, because a machine is silent', () => {
    const changes = placeNodes([balancer(1, [node('a')])], [machine('a', { isUsable: false }), machine('b')]);
    expect(changes).toEqual({ claims: [], releases: [] });
  });

  test('a drained machine once another serves in its place, and no sooner', () => {
    const machines = [machine('a', { isDraining: true }), machine('b')];
    const first = placeNodes([balancer(1, [node('a')])], machines);
    expect({ claimed: claimed(first), released: released(first) }).toEqual({ claimed: ['b'], released: [] });
    const meanwhile = placeNodes([balancer(1, [node('a'), node('b', 1, false)])], machines);
    expect(meanwhile).toEqual({ claims: [], releases: [] });
    const last = placeNodes([balancer(1, [node('a'), node('b', 1)])], machines);
    expect(released(last)).toEqual(['a']);
  });

  test('a drained machine stays while there is no other', () => {
    const changes = placeNodes([balancer(1, [node('a')])], [machine('a', { isDraining: true })]);
    expect(changes).toEqual({ claims: [], releases: [] });
  });

  test('of two drained machines the one for which there is another', () => {
    const machines = [machine('a', { isDraining: true }), machine('b', { isDraining: true }), machine('c')];
    const changes = placeNodes([balancer(2, [node('a'), node('b', 1), node('c', 2)])], machines);
    expect(released(changes)).toEqual(['b']);
  });

  test('of too many nodes first those that do not serve, then the last', () => {
    const nodes = [node('a', 0, false), node('b', 1), node('c', 2)];
    const machines = ['a', 'b', 'c'].map((id) => machine(id));
    expect(released(placeNodes([balancer(2, nodes)], machines))).toEqual(['a']);
    expect(released(placeNodes([balancer(1, nodes)], machines))).toEqual(['c', 'a']);
  });

  test('the control plane’s host when machines of the VPC have taken its place', () => {
    const changes = placeNodes([balancer(1, [node('local'), node('a', 1)])], [machine('a')]);
    expect(released(changes)).toEqual(['local']);
  });
});

test('whatever the fleet, it settles, no machine is shared and serving nodes never get fewer than is wanted', () => {
  const machines = fc.array(
    fc.record({ isUsable: fc.boolean(), isDraining: fc.boolean(), vpcId: fc.constantFrom('v1', 'v2') }),
    { maxLength: 8 },
  );
  const balancers = fc.array(
    fc.record({
      wanted: fc.integer({ min: 1, max: 3 }),
      vpcId: fc.constantFrom('v1', 'v2'),
      count: fc.nat(3),
    }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(machines, balancers, (fleet, wishes) => {
      const all = fleet.map((each, index) => machine(`m${index}`, each));
      const free = all.map(({ id, vpcId }) => ({ id, vpcId }));
      let state = wishes.map(({ wanted, vpcId, count }, index): PlaceableBalancer => {
        const nodes: PlacedNode[] = [];
        for (let position = 0; position < count; position += 1) {
          const at = free.findIndex((candidate) => candidate.vpcId === vpcId);
          const [taken] = at < 0 ? [] : free.splice(at, 1);
          if (taken) nodes.push(node(taken.id, position));
        }
        return { id: `lb_${index}`, vpcId, wanted, nodes };
      });
      for (let round = 0; ; round += 1) {
        expect(round).toBeLessThan(10);
        const { claims, releases } = placeNodes(state, all);
        if (claims.length + releases.length === 0) break;
        state = state.map((each) => {
          const gone = new Set(
            releases.filter(({ loadBalancerId }) => loadBalancerId === each.id).map((one) => one.machineId),
          );
          const kept = each.nodes.filter(({ machineId }) => !gone.has(machineId));
          expect(kept.length).toBeGreaterThanOrEqual(Math.min(each.wanted, each.nodes.length));
          const more = claims
            .filter(({ loadBalancerId }) => loadBalancerId === each.id)
            .map(({ machineId, position }) => node(machineId, position));
          return { ...each, nodes: [...kept, ...more] };
        });
        const used = state.flatMap(({ nodes }) => nodes.map(({ machineId }) => machineId));
        expect(new Set(used).size).toBe(used.length);
      }
    }),
  );
});
