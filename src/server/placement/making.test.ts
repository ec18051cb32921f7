import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type SpareMachine, planMaking } from './making.ts';

const spare = (id: string, more: Partial<SpareMachine> = {}): SpareMachine => ({
  id,
  loadBalancerId: 'lb_1',
  isDraining: false,
  isSettled: true,
  ...more,
});

test('what is lacking is made, once', () => {
  expect(planMaking([{ id: 'lb_1', wanted: 3, staying: 1 }], [])).toEqual({
    make: [{ loadBalancerId: 'lb_1', count: 2 }],
    unmake: [],
  });
  expect(planMaking([{ id: 'lb_1', wanted: 3, staying: 1 }], [spare('a'), spare('b')])).toEqual({
    make: [],
    unmake: [],
  });
});

test('a machine is not another load balancer’s, and goes with its own', () => {
  expect(planMaking([{ id: 'lb_2', wanted: 1, staying: 0 }], [spare('a')])).toEqual({
    make: [{ loadBalancerId: 'lb_2', count: 1 }],
    unmake: ['a'],
  });
});

test('what is too much goes, the last first, and not before it has done what it was told', () => {
  const balancers = [{ id: 'lb_1', wanted: 2, staying: 1 }];
  expect(planMaking(balancers, [spare('a'), spare('b'), spare('c')]).unmake).toEqual(['b', 'c']);
  expect(planMaking(balancers, [spare('a'), spare('b', { isSettled: false })]).unmake).toEqual([]);
});

test('one that is drained is replaced', () => {
  const changes = planMaking([{ id: 'lb_1', wanted: 1, staying: 0 }], [spare('a', { isDraining: true })]);
  expect(changes).toEqual({ make: [{ loadBalancerId: 'lb_1', count: 1 }], unmake: ['a'] });
});

test('whatever there is, each load balancer comes to what it should have', () => {
  const balancer = fc.record({
    id: fc.constantFrom('lb_1', 'lb_2', 'lb_3'),
    wanted: fc.integer({ min: 1, max: 4 }),
    staying: fc.integer({ min: 0, max: 5 }),
  });
  const machine = fc.record({
    id: fc.string({ minLength: 6 }),
    loadBalancerId: fc.constantFrom('lb_1', 'lb_2', 'lb_9'),
    isDraining: fc.boolean(),
    isSettled: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(balancer, { selector: ({ id }) => id }),
      fc.uniqueArray(machine, { selector: ({ id }) => id }),
      (balancers, machines) => {
        const { make, unmake } = planMaking(balancers, machines);
        for (const { id, wanted, staying } of balancers) {
          const kept = machines.filter(
            (each) => each.loadBalancerId === id && !each.isDraining && !unmake.includes(each.id),
          );
          const made = make.find(({ loadBalancerId }) => loadBalancerId === id)?.count ?? 0;
          expect(staying + kept.length + made).toBeGreaterThanOrEqual(wanted);
          expect(staying + kept.filter(({ isSettled }) => isSettled).length + made).toBeLessThanOrEqual(
            Math.max(wanted, staying),
          );
        }
        for (const { id, loadBalancerId, isSettled } of machines)
          if (!isSettled) expect(unmake).not.toContain(id);
          else if (!balancers.some((each) => each.id === loadBalancerId)) expect(unmake).toContain(id);
      },
    ),
  );
});
