import { expect, test } from 'vitest';
import { specOf } from '../../../test/support/service.ts';
import type { BackendStatus, LoadBalancer } from '../../api/load-balancer.ts';
import { isSettled, waitTimeout } from './verdict.ts';

const TARGETS = ['web-1:80', 'web-2:80'];

function seen(...more: Partial<BackendStatus>[]): LoadBalancer {
  const backends = TARGETS.map((target, index) => ({
    target,
    pool: 'default',
    state: 'up',
    reason: 'check passed',
    since: '2026-11-23T04:00:00.000Z',
    machine: 'local',
    ...more[index],
  }));
  const spec = specOf({ type: 'http', backends: TARGETS.map((target) => ({ target })) });
  const status = { state: 'active', observedRevision: 7, backends, nodes: [], conditions: [] };
  return { name: 'web-lb', spec, status } as unknown as LoadBalancer;
}

test('a change is waited for until every backend has answered its first check, or its new one', () => {
  expect(isSettled(seen(), seen())).toBe(true);
  expect(isSettled(seen({ state: 'down' }), seen())).toBe(true);
  expect(isSettled(seen({}, { state: 'checking' }), seen())).toBe(false);
  expect(isSettled(seen({}, { rechecking: true }), seen())).toBe(false);
  expect(waitTimeout(seen({}, { rechecking: true }), 7, '30s').message).toBe(
    'revision 7 of web-lb is live, but after 30s web-2:80 still has no settled state',
  );
});

test('a change of how many nodes there are is waited for while machines are on their way', () => {
  const at = '2026-11-23T04:00:00.000Z';
  const lacking = (reason: string, nodes = 2): LoadBalancer => {
    const lb = seen();
    const condition = {
      type: 'Placed',
      status: 'false' as const,
      reason,
      message: 'one is missing',
      since: at,
    };
    return { ...lb, spec: { ...lb.spec, nodes }, status: { ...lb.status, conditions: [condition] } };
  };
  for (const reason of ['MakingMachine', 'AwaitingMachine']) {
    expect(isSettled(lacking(reason), undefined)).toBe(false);
    expect(isSettled(lacking(reason), seen())).toBe(false);
    expect(waitTimeout(lacking(reason), 7, '30s').errors).toMatchObject([{ code: reason }]);
    // Whoever changes something else meanwhile has nothing to wait for.
    expect(isSettled(lacking(reason), lacking(reason))).toBe(true);
  }
  expect(isSettled(lacking('NoFreeMachine'), undefined)).toBe(true);
});
