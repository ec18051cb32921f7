import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type CallResult,
  type ControlPlane,
  createWebLb,
  liveReport,
  receiptFor,
  startControlPlane,
} from '../../../test/support/control-plane.ts';
import type { GuardReport } from '../../api/agent.ts';
import type { Condition, LoadBalancer, Revision } from '../../api/load-balancer.ts';
import { listMachines } from '../../store/machines.ts';
import { keepGuard } from '../load-balancers/guard.ts';

let plane: ControlPlane;
let id: string;
beforeEach(async () => {
  plane = await startControlPlane();
  ({ id } = await createWebLb(plane));
});
afterEach(() => plane.stop());

const PATH = '/v1/load-balancers/web-lb';
const BAD = 'the share of 5xx answers rose from 0.0 % to 33.3 % (25 of 75 requests)';
const VIEW = {
  secondsLeft: 12,
  before: { requests: 100, errors: 0, responseMs: 11 },
  after: { requests: 40, errors: 1 },
  healthy: 2,
  total: 2,
};

/** Makes a guarded revision. */
function change(spec: object, query = '?guard=30s', options = {}): Promise<CallResult> {
  return plane.call('PATCH', `${PATH}${query}`, { body: { spec }, ...options });
}

/** Reports that a revision is live, and how its guard stands. */
async function tell(told: Partial<GuardReport> & Pick<GuardReport, 'revision'>): Promise<CallResult> {
  return plane.agent.tell({ guards: [{ id, verdict: 'watching', reason: 'no requests', ...told }] });
}

const violate = (revision: number) => tell({ revision, verdict: 'violated', reason: BAD });
const show = async (): Promise<LoadBalancer> => (await plane.call('GET', PATH)).body;
const revision = async (number: number): Promise<Revision> =>
  (await plane.call('GET', `${PATH}/revisions/${number}`)).body;
const conditions = async (): Promise<Condition[]> => (await show()).status.conditions;
const guardCondition = async () => (await conditions()).find(({ type }) => type.startsWith('Guard'));
const desiredGuard = async () => (await plane.agent.desired()).changed.find((each) => each.id === id)?.guard;

/** What an agent that waits for news hears at once. */
async function waiting(version: number) {
  const startedAt = performance.now();
  const news = await plane.agent.desired(version, 30);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  return news;
}

describe('a guarded revision', () => {
  test('is told to the agent, and shown while it is watched', async () => {
    expect(await desiredGuard()).toBeUndefined();
    expect((await change({ algorithm: 'first' })).status).toBe(200);
    expect(await desiredGuard()).toEqual({ durationMs: 30_000 });
    expect((await revision(2)).guard).toEqual({
      duration: '30s',
      state: 'watching',
      reason: 'revision 2 is on its way',
      machines: [],
    });
    await tell({ revision: 2, reason: '2.5 % of 40 requests failed', view: VIEW });
    expect((await revision(2)).guard).toMatchObject({
      state: 'watching',
      machines: [{ machine: 'local', verdict: 'watching', view: VIEW }],
    });
    expect(await guardCondition()).toMatchObject({
      type: 'Guarded',
      status: 'true',
      message: expect.stringContaining('So far: 2.5 % of 40 requests failed'),
    });
    expect((await plane.call('GET', `${PATH}/revisions`)).body.items[0].guard.duration).toBe('30s');
    expect((await revision(1)).guard).toBeUndefined();
  });

  test('is kept when it passes, and the agent hears at once that there is nothing more to watch', async () => {
    await change({ algorithm: 'first' });
    const { version } = await plane.agent.desired();
    const news = waiting(version);
    // The poll must have begun to wait.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await tell({ revision: 2, verdict: 'passed', reason: 'nothing got worse in 30s', view: VIEW });
    expect((await news).changed[0]).toMatchObject({ id, revision: 2 });
    expect((await news).changed[0]?.guard).toBeUndefined();
    expect((await revision(2)).guard).toMatchObject({ state: 'passed', reason: 'nothing got worse in 30s' });
    expect(await show()).toMatchObject({ revision: 2, spec: { algorithm: 'first' } });
    expect(await guardCondition()).toBeUndefined();
    await violate(2);
    expect((await show()).revision).toBe(2);
  });

  test('that makes it worse is taken back once, by a revision that says why', async () => {
    await change({ algorithm: 'first' });
    const { version } = await plane.agent.desired();
    const news = waiting(version);
    // The poll must have begun to wait.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await Promise.all([violate(2), violate(2)]);
    await violate(2);
    expect((await news).changed[0]).toMatchObject({ revision: 3, spec: { algorithm: 'roundrobin' } });
    expect(await show()).toMatchObject({ revision: 3, spec: { algorithm: 'roundrobin' } });
    expect(await revision(3)).toMatchObject({
      action: 'restore',
      author: 'guard',
      restoredFrom: 1,
      reason: `revision 2 made it worse: ${BAD}`,
      diff: [{ pointer: '/spec/algorithm', from: 'first', to: 'roundrobin' }],
    });
    expect((await revision(3)).guard).toBeUndefined();
    expect((await revision(2)).guard).toMatchObject({ state: 'restored', restoredBy: 3, reason: BAD });
    const told = await plane.call('GET', '/v1/load-balancers/web-lb/events?type=revision.restored');
    expect(told.body.items).toMatchObject([
      { severity: 'warning', details: { revision: 3, restoredFrom: 1, author: 'guard' } },
    ]);
    expect(await guardCondition()).toMatchObject({
      type: 'GuardRestored',
      status: 'true',
      message: `Revision 3 brought revision 1 back, because revision 2 made it worse: ${BAD}.`,
    });
    await change({ algorithm: 'random' }, '');
    expect(await guardCondition()).toBeUndefined();
  });

  test('is watched no more once another one has come', async () => {
    await change({ algorithm: 'first' });
    await change({ algorithm: 'random' }, '');
    expect(await desiredGuard()).toBeUndefined();
    expect((await revision(2)).guard).toMatchObject({
      state: 'superseded',
      reason: 'revision 3 came before the guard was over',
    });
    await violate(2);
    expect(await show()).toMatchObject({ revision: 3, spec: { algorithm: 'random' } });
    await change({ algorithm: 'source' }, '?guard=1m');
    await change({ algorithm: 'first' }, '?guard=1m');
    expect((await revision(4)).guard?.state).toBe('superseded');
    await violate(5);
    expect(await show()).toMatchObject({ revision: 6, spec: { algorithm: 'source' } });
  });

  test('that could not be applied ends its guard with the reason', async () => {
    await change({ algorithm: 'first' });
    await plane.agent.report({ id, observedRevision: 1, receipt: receiptFor(2, 'failed'), backends: [] });
    expect((await revision(2)).guard).toMatchObject({
      state: 'failed',
      reason: 'revision 2 could not be applied on machine local: HAProxy refused the configuration',
    });
    expect(await desiredGuard()).toBeUndefined();
    await violate(2);
    expect((await show()).revision).toBe(2);
  });

  test('of which an agent does not know how it went is kept, and that is said', async () => {
    await change({ algorithm: 'first' });
    await tell({ revision: 2, verdict: 'unknown', reason: 'the agent did not run' });
    expect((await revision(2)).guard?.state).toBe('unknown');
    expect(await guardCondition()).toMatchObject({
      type: 'Guarded',
      status: 'unknown',
      reason: 'NotWatched',
    });
    expect((await show()).revision).toBe(2);
  });

  test('may be the restore of another one', async () => {
    await change({ algorithm: 'first' }, '');
    await plane.call('POST', `${PATH}/revisions/1/restore?guard=10s`);
    await violate(3);
    expect(await show()).toMatchObject({ revision: 4, spec: { algorithm: 'first' } });
  });

  test('may be a change of one backend', async () => {
    const target = 'web-3:8080';
    await plane.call('POST', `${PATH}/backends?guard=10s`, { body: { target } });
    expect(await desiredGuard()).toEqual({ durationMs: 10_000 });
    await plane.call('PATCH', `${PATH}/backends/${target}?guard=5s`, { body: { weight: 3 } });
    await plane.call('PUT', `${PATH}/backends/${target}?guard=1h`, { body: { weight: 4 } });
    expect(await desiredGuard()).toEqual({ durationMs: 3_600_000 });
    await plane.call('DELETE', `${PATH}/backends/${target}?guard=7s`);
    expect(await desiredGuard()).toEqual({ durationMs: 7000 });
    await violate(5);
    expect((await show()).spec.backends.at(-1)).toMatchObject({ target, weight: 4 });
  });
});

describe('a guard', () => {
  test('outlives the control plane, and so does what the agent comes to meanwhile', async () => {
    await change({ algorithm: 'first' });
    plane = await plane.restart();
    expect(await desiredGuard()).toEqual({ durationMs: 30_000 });
    await violate(2);
    plane = await plane.restart();
    await violate(2);
    expect(await show()).toMatchObject({ revision: 3, spec: { algorithm: 'roundrobin' } });
    expect((await revision(2)).guard).toMatchObject({ state: 'restored', restoredBy: 3 });
  });

  test('has nothing to bring back when the change touched nothing that is served', async () => {
    await plane.call('PATCH', `${PATH}?guard=30s`, { body: { labels: { env: 'prod' } } });
    await violate(2);
    expect(await show()).toMatchObject({ revision: 2, labels: { env: 'prod' } });
    expect((await revision(2)).guard).toMatchObject({
      state: 'failed',
      reason: `${BAD}; but revision 2 changed nothing that is served`,
    });
    expect(await guardCondition()).toMatchObject({ type: 'GuardRestored', status: 'false' });
  });

  test('says so when what was before may not come back', async () => {
    await change({ backends: [{ target: '10.0.0.5:80' }] }, '');
    await change({ backends: [] });
    await plane.call('PUT', '/v1/vpcs/prod', { body: { name: 'prod', spec: { cidrs: ['192.168.0.0/16'] } } });
    await violate(3);
    expect((await show()).revision).toBe(3);
    const { guard } = await revision(3);
    expect(guard?.state).toBe('failed');
    expect(guard?.reason).toContain(`${BAD}; but revision 2 cannot be restored: `);
    expect(await desiredGuard()).toBeUndefined();
  });

  test('goes with the load balancer', async () => {
    await change({ algorithm: 'first' });
    await plane.call('DELETE', PATH);
    expect((await violate(2)).status).toBe(204);
    expect((await plane.call('GET', '/v1/load-balancers')).body.items).toEqual([]);
  });

  test('is not made by what changes nothing, by a dry run or by a creation', async () => {
    await change({ algorithm: 'roundrobin' });
    expect((await show()).revision).toBe(1);
    await change({ algorithm: 'first' }, '?guard=30s&dryRun=true');
    expect(await desiredGuard()).toBeUndefined();
    const body = { name: 'other', spec: { type: 'tcp', port: 1 } };
    expect((await plane.call('POST', '/v1/load-balancers?guard=30s', { body })).status).toBe(400);
    expect((await plane.call('DELETE', `${PATH}?guard=30s`)).status).toBe(400);
  });

  test.each(['4999ms', '61m', '0s', '30', 'soon', ''])('cannot last %j', async (text) => {
    const { status, body } = await change({ algorithm: 'first' }, `?guard=${text}`);
    expect(status).toBe(400);
    expect(body.errors[0]).toMatchObject({
      pointer: '/query/guard',
      detail: expect.stringContaining('5s to 1h'),
    });
    expect((await show()).revision).toBe(1);
  });

  test('cannot be set by a viewer, and nobody but the machine’s own agent speaks for it', async () => {
    const viewer = (await plane.call('POST', '/v1/keys', { body: { name: 'v', role: 'viewer' } })).body.key;
    expect((await change({ algorithm: 'first' }, '?guard=30s', { key: viewer })).status).toBe(403);
    await change({ algorithm: 'first' });
    const guards = [{ id, revision: 2, verdict: 'violated', reason: BAD }];
    const body = { ...plane.agent.about, loadBalancers: [], guards };
    expect((await plane.call('POST', '/v1/agent/report', { body })).status).toBe(403);
    expect((await plane.call('POST', '/v1/agent/report', { body, key: viewer })).status).toBe(403);
    expect((await show()).revision).toBe(2);
  });

  test('is not spoken for by another machine', async () => {
    await change({ algorithm: 'first' });
    const { context } = plane.server;
    const touched = await context.store.transaction(async (tx) => {
      const [machine] = await listMachines(tx);
      if (!machine) throw new Error('there is no machine');
      const other = { ...machine, id: 'machine_other', name: 'other' };
      return keepGuard(context, tx, other, { id, revision: 2, verdict: 'violated', reason: BAD });
    });
    expect(touched).toEqual([]);
    expect((await revision(2)).guard).toMatchObject({ state: 'watching', machines: [] });
  });

  test('of a stranger, or of a revision without one, is ignored', async () => {
    await change({ algorithm: 'first' });
    await tell({ revision: 99, verdict: 'violated' });
    await tell({ revision: 1, verdict: 'violated' });
    await plane.agent.tell({ guards: [{ id: 'lb_other', revision: 2, verdict: 'violated', reason: BAD }] });
    expect((await show()).revision).toBe(2);
    expect((await revision(2)).guard?.machines).toEqual([]);
  });

  test('comes with whatever else is told', async () => {
    await change({ algorithm: 'first' });
    const guard = { id, revision: 2, verdict: 'violated' as const, reason: BAD };
    const report = liveReport(await show());
    expect((await plane.agent.tell({ loadBalancers: [report], guards: [guard] })).status).toBe(204);
    expect((await revision(2)).receipts).toHaveLength(1);
    expect((await show()).revision).toBe(3);
  });
});
