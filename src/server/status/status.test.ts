import { expect, test } from 'vitest';
import type { BackendState } from '../../api/load-balancer.ts';
import { validateLoadBalancer } from '../../spec/validate.ts';
import { receiptFor } from '../../../test/support/control-plane.ts';
import type { Observation } from './observation.ts';
import { loadBalancerStatus } from './status.ts';

const NOW = Date.parse('2026-11-23T05:00:00Z');
const AT = new Date(NOW - 60_000).toISOString();

interface Case {
  states?: readonly BackendState[];
  settings?: object;
  observed?: number;
  failed?: boolean;
  sinceMs?: number;
}

function observation({
  states = [],
  settings = {},
  observed = 2,
  failed = false,
  sinceMs = 60_000,
}: Case): Observation {
  const targets = states.map((_, index) => `web-${index}:80`);
  const backends = targets.map((target) => ({ target, ...settings }));
  const definition = validateLoadBalancer({ name: 'web-lb', spec: { type: 'http', backends } });
  if (!definition.ok) throw new Error('the case is not valid');
  const since = new Date(NOW - sinceMs).toISOString();
  const seen = targets.map((target, index) => ({
    target,
    pool: 'default',
    state: states[index] ?? 'up',
    reason: 'x',
    since,
  }));
  const times = { createdAt: AT, updatedAt: AT };
  return {
    record: {
      ...definition.value,
      id: 'lb_1',
      vpcId: 'vpc_1',
      address: '127.0.0.9',
      ports: [80, 443],
      revision: 2,
      ...times,
    },
    nodes: [
      {
        node: {
          loadBalancerId: 'lb_1',
          machineId: 'machine_1',
          observedRevision: observed,
          settledRevision: observed,
          backends: seen,
          haproxy: null,
          reportedAt: AT,
        },
        machine: {
          id: 'machine_1',
          name: 'local',
          driver: 'local',
          tokenHash: '',
          changeVersion: 1,
          agentVersion: null,
          haproxyVersion: null,
          layout: null,
          hostAddresses: [],
          fault: null,
          lastReportAt: AT,
          createdAt: AT,
        },
        receipt: failed ? receiptFor(2, 'failed') : undefined,
      },
    ],
    now: NOW,
  };
}

test.each<[string, Case, string]>([
  ['no backends', {}, 'active'],
  ['every backend is up', { states: ['up', 'up'] }, 'active'],
  ['the revision is not live yet', { states: ['up'], observed: 1 }, 'pending'],
  ['the revision failed', { states: ['up'], observed: 1, failed: true }, 'error'],
  ['a failure that a later try mended', { states: ['up'], observed: 2, failed: true }, 'active'],
  ['one is down', { states: ['up', 'down'] }, 'degraded'],
  ['one is unresolved', { states: ['up', 'unresolved'] }, 'degraded'],
  ['all are down', { states: ['down', 'unresolved'] }, 'error'],
  ['one is being checked for a second', { states: ['up', 'checking'], sinceMs: 1000 }, 'pending'],
  ['one is being checked for a minute', { states: ['up', 'checking'] }, 'degraded'],
  ['all are being checked for a minute', { states: ['checking'] }, 'error'],
  ['all are drained', { states: ['draining'], settings: { drain: true } }, 'degraded'],
  ['all have weight 0', { states: ['draining', 'down'], settings: { weight: 0 } }, 'degraded'],
])('%s', (_name, given, state) => {
  expect(loadBalancerStatus(observation(given)).state).toBe(state);
});

test('a backend that no report names is shown as being checked, with what is waited for', () => {
  const { record, nodes, now } = observation({ states: ['up', 'up'] });
  const shortened = nodes.map((observed) => ({
    ...observed,
    node: { ...observed.node, backends: [], observedRevision: 1 },
  }));
  const status = loadBalancerStatus({ record, nodes: shortened, now });
  expect(status.backends).toMatchObject([
    { target: 'web-0:80', state: 'checking', reason: 'revision 2 is not live on machine local yet' },
    { target: 'web-1:80', state: 'checking' },
  ]);
});

test('conditions say what is wrong and what to do', () => {
  const down = loadBalancerStatus(observation({ states: ['up', 'down'] })).conditions;
  expect(down.find(({ type }) => type === 'BackendsHealthy')).toMatchObject({
    status: 'false',
    reason: 'NotAllUp',
  });
  const none = loadBalancerStatus(observation({})).conditions;
  expect(none.find(({ type }) => type === 'BackendsHealthy')?.message).toContain(
    'agentmetal lb backend add web-lb',
  );
  const failed = loadBalancerStatus(observation({ observed: 1, failed: true })).conditions;
  expect(failed.find(({ type }) => type === 'Applied')?.message).toContain(
    'HAProxy refused the configuration',
  );
});
