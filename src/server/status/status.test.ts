import { describe, expect, test } from 'vitest';
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
      placement: 'shared',
      floating: [],
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
          position: 0,
          role: null,
          leftOut: null,
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
          authority: null,
          peerCertificate: null,
          lastReportAt: AT,
          createdAt: AT,
          os: null,
          upgrader: null,
        },
        host: undefined,
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

describe('a floating address', () => {
  type Role = NonNullable<Observation['nodes'][number]['node']['role']>;
  const seenWith = (...roles: (Role | null)[]) => {
    const base = observation({ states: ['up'] });
    const nodes = roles.flatMap((role) =>
      base.nodes.map((observed) => ({ ...observed, node: { ...observed.node, role } })),
    );
    const floating = [{ address: '203.0.113.9', freeAt: null, routerId: 1, home: null, isServed: true }];
    return loadBalancerStatus({ ...base, record: { ...base.record, floating }, nodes });
  };
  const since = (ms: number) => new Date(NOW - ms).toISOString();
  const standby = (ms: number): Role => ({ role: 'standby', since: since(ms) });

  test('that no node has is waited for, and an error after ten seconds, with what the nodes say', () => {
    expect(seenWith(standby(60_000), standby(1000)).state).toBe('pending');
    const fault: Role = { role: 'fault', since: since(11_000), reason: 'HAProxy does not run' };
    const { state, conditions } = seenWith(standby(60_000), fault);
    expect(state).toBe('error');
    expect(conditions.find(({ type }) => type === 'AddressHeld')).toEqual({
      type: 'AddressHeld',
      status: 'false',
      reason: 'NoNode',
      message:
        'No node has taken 203.0.113.9, so that clients reach nobody there: local: standby; local: fault (HAProxy does not run).',
      since: since(11_000),
    });
  });

  test('that one has, or of which nobody has told, is no fault', () => {
    for (const role of [{ role: 'active', since: since(60_000) } satisfies Role, null]) {
      const { state, conditions } = seenWith(role ?? null, role === null ? null : standby(60_000));
      expect(state).toBe('active');
      expect(conditions.some(({ type }) => type === 'AddressHeld')).toBe(false);
    }
  });
});

interface Seen {
  target: string;
  pool: string;
  state: BackendState;
}

/** A load balancer with pools, routed as given, of which the agent sees something. */
function pooled(spec: object, seen: readonly Seen[]): Observation {
  const base = observation({ states: ['up'] });
  const definition = validateLoadBalancer({ name: 'web-lb', spec: { type: 'http', ...spec } });
  if (!definition.ok) throw new Error(JSON.stringify(definition.errors));
  const backends = seen.map((backend) => ({ ...backend, reason: `is ${backend.state}`, since: AT }));
  return {
    ...base,
    record: { ...base.record, ...definition.value },
    nodes: base.nodes.map((observed) => ({ ...observed, node: { ...observed.node, backends } })),
  };
}

describe('pools', () => {
  const web = { target: 'a:80' };
  const up = (pool: string): Seen => ({ target: 'a:80', pool, state: 'up' });
  const down = (pool: string): Seen => ({ target: 'a:80', pool, state: 'down' });
  const toApi = [{ match: { pathPrefix: '/api' }, pool: 'api' }];
  const healthOf = (given: Observation) => {
    const { state, conditions } = loadBalancerStatus(given);
    return { state, health: conditions.find(({ type }) => type === 'BackendsHealthy') };
  };

  test('hold the same target each with a state of its own', () => {
    const spec = { backends: [web], pools: { api: { backends: [web] } } };
    const { backends, state, conditions } = loadBalancerStatus(pooled(spec, [up('default'), down('api')]));
    expect(backends).toMatchObject([
      { pool: 'default', state: 'up' },
      { pool: 'api', state: 'down' },
    ]);
    expect(state).toBe('degraded');
    expect(conditions.find(({ type }) => type === 'BackendsHealthy')?.message).toBe(
      '1 of 2 backends is not up: a:80 of pool api is down (is down).',
    );
    expect(loadBalancerStatus(pooled(spec, [down('default'), down('api')])).state).toBe('error');
    expect(loadBalancerStatus(pooled(spec, [up('default'), up('api')])).state).toBe('active');
  });

  test('that fail open are degraded and say so while all of their backends are down', () => {
    const spec = { backends: [web], failOpen: true };
    const failing = loadBalancerStatus(pooled(spec, [down('default')]));
    expect(failing.state).toBe('degraded');
    expect(failing.conditions.find(({ type }) => type === 'FailOpen')).toMatchObject({
      status: 'true',
      reason: 'NoBackendHealthy',
      since: AT,
    });
    const well = loadBalancerStatus(pooled(spec, [up('default')]));
    expect(well.conditions.some(({ type }) => type === 'FailOpen')).toBe(false);
    const closed = loadBalancerStatus(pooled({ backends: [web] }, [down('default')]));
    expect(closed.conditions.some(({ type }) => type === 'FailOpen')).toBe(false);
  });

  test('to which routes send and that have nobody to serve are told of', () => {
    const empty = healthOf(pooled({ backends: [web], pools: { api: {} }, routes: toApi }, [up('default')]));
    expect(empty).toMatchObject({ state: 'active', health: { status: 'unknown', reason: 'NoBackends' } });
    expect(empty.health?.message).toContain('agentmetal lb backend add web-lb --pool api --target HOST:PORT');
    const drained = { backends: [{ ...web, drain: true }] };
    const api: Seen = { target: 'a:80', pool: 'api', state: 'draining' };
    const spec = { backends: [web], pools: { api: drained } };
    expect(healthOf(pooled({ ...spec, routes: toApi }, [up('default'), api]))).toMatchObject({
      state: 'degraded',
      health: { reason: 'NoneInService' },
    });
    expect(healthOf(pooled(spec, [up('default'), api]))).toMatchObject({
      state: 'active',
      health: { reason: 'AllUp' },
    });
  });

  test('leave the pool default empty where routes send elsewhere', () => {
    const spec = { pools: { api: { backends: [web] } }, routes: toApi };
    expect(healthOf(pooled(spec, [up('api')]))).toMatchObject({
      state: 'active',
      health: { reason: 'AllUp' },
    });
  });
});

test('maintenance is told of while it is on', () => {
  const on = loadBalancerStatus(pooled({ maintenance: {} }, [])).conditions;
  expect(on.find(({ type }) => type === 'Maintenance')?.message).toContain(
    'agentmetal lb maintenance off web-lb',
  );
  const off = loadBalancerStatus(pooled({ maintenance: { enabled: false } }, [])).conditions;
  expect(off.some(({ type }) => type === 'Maintenance')).toBe(false);
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
