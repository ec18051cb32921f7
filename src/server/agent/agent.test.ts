import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type ControlPlane,
  adjustableClock,
  createWebLb,
  liveReport,
  receiptFor,
  startControlPlane,
} from '../../../test/support/control-plane.ts';

let plane: ControlPlane;
let clock: ReturnType<typeof adjustableClock>;
beforeEach(async () => {
  clock = adjustableClock();
  plane = await startControlPlane({ clock });
});
afterEach(() => plane.stop());

const PATH = '/v1/load-balancers/web-lb';
const show = async () => (await plane.call('GET', PATH)).body;

test('the first question is answered with everything, later ones with what changed', async () => {
  const lb = await createWebLb(plane);
  const all = await plane.agent.desired();
  expect(all.ids).toEqual([lb.id]);
  expect(all.changed[0]).toMatchObject({
    id: lb.id,
    name: 'web-lb',
    revision: 1,
    spec: lb.spec,
    address: '127.80.0.1',
  });
  expect(all.changed[0]?.vpc).toMatchObject({ name: 'prod', cidrs: ['10.0.0.0/16'] });
  expect(await plane.agent.desired(all.version)).toMatchObject({
    version: all.version,
    ids: [lb.id],
    changed: [],
  });
  await plane.call('POST', '/v1/load-balancers', { body: { name: 'other', spec: { type: 'tcp', port: 1 } } });
  const news = await plane.agent.desired(all.version);
  expect(news.changed.map(({ name }) => name)).toEqual(['other']);
  expect((await plane.agent.desired(news.version + 1000)).changed).toHaveLength(2);
});

test('a waiting agent is woken at once by a change, a deletion and a change of the VPC', async () => {
  await createWebLb(plane);
  const writes = [
    () => plane.call('POST', `${PATH}/backends`, { body: { target: 'web-3:80' } }),
    () => plane.call('POST', '/v1/vpcs/prod/hosts', { body: { name: 'web-1', addresses: ['10.0.0.1'] } }),
    () => plane.call('DELETE', PATH),
  ];
  let { version } = await plane.agent.desired();
  for (const write of writes) {
    const waiting = plane.agent.desired(version, 30);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const startedAt = performance.now();
    await write();
    const news = await waiting;
    expect(news.version).toBeGreaterThan(version);
    expect(performance.now() - startedAt).toBeLessThan(500);
    version = news.version;
  }
  expect((await plane.agent.desired()).ids).toEqual([]);
});

test('a long poll ends when its time is over, and when the server closes', async () => {
  const { version } = await plane.agent.desired();
  expect(await plane.agent.desired(version, 0.05)).toMatchObject({ version, changed: [] });
  const waiting = plane.agent.desired(version, 60);
  await new Promise((resolve) => setTimeout(resolve, 20));
  plane = await plane.restart();
  expect(await waiting).toMatchObject({ version });
});

test('Prefer: wait answers when the revision is live', async () => {
  await createWebLb(plane);
  const write = plane.call('PATCH', PATH, {
    body: { spec: { algorithm: 'first' } },
    headers: { prefer: 'wait=30' },
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const { changed } = await plane.agent.desired();
  for (const desired of changed) await plane.agent.report(liveReport(desired, { now: clock.now() }));
  const answer = await write;
  expect(answer.headers['preference-applied']).toBe('wait=30');
  expect(answer.body).toMatchObject({ revision: 2, status: { state: 'active', observedRevision: 2 } });
});

test('Prefer: wait also ends with a failure, with the time, and at once when nothing changes', async () => {
  const { id } = await createWebLb(plane);
  const change = (algorithm: string, prefer: string) =>
    plane.call('PATCH', PATH, { body: { spec: { algorithm } }, headers: { prefer } });
  expect((await change('first', 'wait=0')).body.status.state).toBe('pending');
  const failing = change('random', 'respond-async, wait=30');
  await new Promise((resolve) => setTimeout(resolve, 20));
  await plane.agent.report({ id, observedRevision: 1, receipt: receiptFor(3, 'failed'), backends: [] });
  expect((await failing).body.status.state).toBe('error');
  expect((await change('random', 'wait=60')).body.revision).toBe(3);
});

test('a deletion can be waited for', async () => {
  await createWebLb(plane);
  const deletion = plane.call('DELETE', PATH, { headers: { prefer: 'wait=30' } });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const { version } = await plane.agent.desired();
  await plane.agent.desired(version);
  expect(await deletion).toMatchObject({ status: 204, headers: { 'preference-applied': 'wait=30' } });
});

test('a report is kept: status, health, machine and receipts', async () => {
  const lb = await createWebLb(plane);
  const haproxy = { version: '2.6.12', pid: 10, workerPid: 11, startedAt: '2026-11-23T04:00:00.000Z' };
  expect((await plane.agent.report({ ...liveReport(lb, { now: clock.now() }), haproxy })).status).toBe(204);
  await plane.agent.report({ ...liveReport(lb, { now: clock.now() }), haproxy });
  const { status } = await show();
  expect(status).toMatchObject({
    state: 'active',
    observedRevision: 1,
    nodes: [{ machine: 'local', connected: true, haproxy }],
  });
  expect(status.nodes[0].listeners).toEqual(['127.80.0.1:8080', '127.80.0.1:8443']);
  // The certificate of its domain has not been obtained.
  expect(
    status.conditions.map(({ type, status: value }: { type: string; status: string }) => `${type} ${value}`),
  ).toEqual([
    'Applied true',
    'BackendsHealthy true',
    'AgentConnected true',
    'CertificatesServed unknown',
    'DnsRecords unknown',
  ]);
  expect((await plane.call('GET', `${PATH}/revisions/1`)).body.receipts).toEqual([receiptFor(1)]);
  const { body: machine } = await plane.call('GET', '/v1/machines/local');
  expect(machine).toMatchObject({ state: 'online', agentVersion: '0.1.0', haproxyVersion: '2.6.12' });
  clock.advance(60_000);
  expect((await plane.call('GET', '/v1/machines')).body.items[0].state).toBe('offline');
  const silent = (await show()).status.conditions.find(
    ({ type }: { type: string }) => type === 'AgentConnected',
  );
  expect(silent).toMatchObject({ status: 'false', reason: 'Silent' });
  plane = await plane.restart();
  expect((await show()).status.observedRevision).toBe(1);
});

test('what a report says of strangers, and of revisions that do not exist, is ignored', async () => {
  const lb = await createWebLb(plane);
  const stranger = { ...liveReport(lb), id: 'lb_00000000000000000000000000' };
  const named = { ...liveReport(lb), id: 'web-lb' };
  const ahead = {
    ...liveReport(lb),
    observedRevision: 99,
    receipt: { ...receiptFor(99), machine: 'another' },
  };
  expect((await plane.agent.report(stranger, named, ahead)).status).toBe(204);
  expect((await show()).status.observedRevision).toBe(1);
  expect((await plane.call('GET', `${PATH}/revisions`)).body.items[0].receipts).toEqual([]);
});

test('a receipt of a failure gives way to the one of the next try, and no other does', async () => {
  const { id } = await createWebLb(plane);
  const receipts = async () => (await plane.call('GET', `${PATH}/revisions/1`)).body.receipts;
  await plane.agent.report({ id, observedRevision: 0, receipt: receiptFor(1, 'failed'), backends: [] });
  expect((await receipts())[0].outcome).toBe('failed');
  expect((await show()).status.conditions[0]).toMatchObject({ type: 'Applied', status: 'false' });
  await plane.agent.report({ id, observedRevision: 1, receipt: receiptFor(1), backends: [] });
  await plane.agent.report({
    id,
    observedRevision: 1,
    receipt: { ...receiptFor(1), durationMs: 999 },
    backends: [],
  });
  expect(await receipts()).toEqual([receiptFor(1)]);
});
