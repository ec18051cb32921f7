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
  expect(isSettled(seen())).toBe(true);
  expect(isSettled(seen({ state: 'down' }))).toBe(true);
  expect(isSettled(seen({}, { state: 'checking' }))).toBe(false);
  expect(isSettled(seen({}, { rechecking: true }))).toBe(false);
  expect(waitTimeout(seen({}, { rechecking: true }), 7, '30s').message).toBe(
    'revision 7 of web-lb is live, but after 30s web-2:80 still has no settled state',
  );
});
