import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type ControlPlane,
  adjustableClock,
  createWebLb,
  liveReport,
  receiptFor,
  startControlPlane,
} from '../../../test/support/control-plane.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { HEARTBEAT_MS } from '../../api/agent.ts';
import type { BackendState } from '../../api/load-balancer.ts';
import type { Event } from '../../api/events.ts';
import { ApiClient, type ServerSentEvent } from '../../api/client.ts';
import { tellOffline } from '../events/machines.ts';

const MINUTE = 60_000;

let clock: ReturnType<typeof adjustableClock>;
let plane: ControlPlane;
let lb: Awaited<ReturnType<typeof createWebLb>>;
beforeEach(async () => {
  clock = adjustableClock();
  plane = await startControlPlane({ clock });
  lb = await createWebLb(plane);
});
afterEach(() => plane.stop());

const LB = '/v1/load-balancers/web-lb';
async function list(query = '', path = `${LB}/events`): Promise<Event[]> {
  const { status, body } = await plane.call('GET', `${path}${query}`);
  expect({ status, detail: body.detail }).toEqual({ status: 200 });
  return body.items;
}
const types = async (query = '') => (await list(query)).map(({ type }) => type);
const report = (states: Record<string, BackendState>) =>
  plane.agent.report({
    ...liveReport(lb, { now: clock.now() }),
    backends: Object.entries(states).map(([target, state]) => ({
      target,
      pool: 'default',
      state,
      reason: state === 'up' ? 'the check passes' : 'connection refused',
      since: new Date(clock.now()).toISOString(),
    })),
  });

describe('what is told', () => {
  test('a load balancer from its beginning to its end', async () => {
    await plane.agent.report({ ...liveReport(lb), observedRevision: 0, receipt: receiptFor(1, 'failed') });
    await plane.agent.report({ ...liveReport(lb), observedRevision: 0, receipt: receiptFor(1, 'failed') });
    await plane.agent.report(liveReport(lb));
    await plane.agent.report(liveReport(lb));
    expect((await list()).toReversed()).toMatchObject([
      { type: 'load_balancer.created', resource: { kind: 'load_balancer', name: 'web-lb' }, count: 1 },
      { type: 'node.online', resource: { kind: 'machine', name: 'local' }, severity: 'info' },
      {
        type: 'revision.failed',
        severity: 'error',
        message:
          'revision 1 failed on machine local: HAProxy refused the configuration; the state before it serves on',
        details: { revision: 1, machine: 'local', error: { code: 'config_invalid' } },
      },
      { type: 'backend.up' },
      { type: 'backend.up' },
      { type: 'revision.live', message: 'revision 1 is live on every node (runtime, 12 ms)' },
    ]);
    await plane.call('PATCH', LB, { body: { spec: { algorithm: 'leastconn' } } });
    await plane.call('POST', `${LB}/revisions/1/restore`);
    expect((await list())[0]).toMatchObject({ type: 'revision.restored', details: { restoredFrom: 1 } });
    await plane.call('DELETE', LB);
    expect((await list('', '/v1/events'))[0]).toMatchObject({
      type: 'load_balancer.deleted',
      message: 'web-lb was deleted by admin',
    });
    expect((await plane.call('GET', `${LB}/events`)).status).toBe(404);
  });

  test('nothing of what is only tried, or fails', async () => {
    const before = await list('', '/v1/events');
    await plane.call('DELETE', `${LB}?dryRun=true`);
    await plane.call('POST', '/v1/load-balancers', { body: { name: 'web-lb', spec: { type: 'http' } } });
    expect(await list('', '/v1/events')).toEqual(before);
  });

  test('backends that go down and come up, and when none is left', async () => {
    await report({ 'web-1:8080': 'up', 'web-2:8080': 'up' });
    await report({ 'web-1:8080': 'down', 'web-2:8080': 'up' });
    await report({ 'web-1:8080': 'down', 'web-2:8080': 'down' });
    await report({ 'web-1:8080': 'up', 'web-2:8080': 'down' });
    expect((await list('?type=backend.*')).map(({ message, severity }) => [severity, message])).toEqual([
      ['info', 'web-1:8080 came up: the check passes'],
      ['error', 'web-2:8080 went down: connection refused; no backend is up any more'],
      ['warning', 'web-1:8080 went down: connection refused'],
      ['info', 'web-2:8080 came up: the check passes'],
    ]);
  });

  test('one that flaps has two events that count, and each time is told with a new number', async () => {
    await report({ 'web-1:8080': 'up' });
    const first = (await list('?type=backend.up'))[0];
    for (let time = 0; time < 20; time += 1) {
      clock.advance(10_000);
      await report({ 'web-1:8080': time % 2 === 0 ? 'down' : 'up' });
    }
    const events = await list('?type=backend.*');
    expect(events).toMatchObject([
      { type: 'backend.up', count: 11, firstTime: first?.time },
      { type: 'backend.down', count: 10 },
    ]);
    expect(Number(events[0]?.id.slice(4))).toBeGreaterThan(Number(first?.id.slice(4)) + 15);
    clock.advance(10 * MINUTE);
    await report({ 'web-1:8080': 'down' });
    expect((await list('?type=backend.down')).map(({ count }) => count)).toEqual([1, 10]);
  });

  test('ten thousand that go down at once are one event', async () => {
    const backends = Array.from({ length: 10_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}:80`);
    const all = (state: BackendState) => Object.fromEntries(backends.map((target) => [target, state]));
    await report(all('up'));
    await report(all('down'));
    const [event, ...others] = await list('?type=backend.down');
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      severity: 'error',
      message: expect.stringMatching(/^10000 backends \(10\.0\.0\.0:80, .* and 9995 more\) went down/),
      details: { backendCount: 10_000 },
    });
    expect(event?.details['backends']).toHaveLength(20);
  });

  test('a machine that falls silent and comes back, each once', async () => {
    await plane.agent.report();
    const look = () => plane.server.context.store.transaction((tx) => tellOffline(tx, clock.now()));
    await look();
    clock.advance(4 * HEARTBEAT_MS);
    await look();
    await look();
    await plane.agent.report();
    await plane.agent.report();
    expect((await list('?type=node.*')).map(({ type }) => type)).toEqual(['node.online', 'node.offline']);
    expect(await list('?type=node.offline')).toMatchObject([
      { severity: 'error', message: expect.stringContaining('last heard of at 2026-11-23T04:00:00.000Z') },
    ]);
    expect(await list('?type=node.online')).toMatchObject([{ count: 2 }]);
  });
});

describe('which', () => {
  test('by type, severity and page', async () => {
    await report({ 'web-1:8080': 'up', 'web-2:8080': 'down' });
    expect(await types('?type=load_balancer.created,backend.up')).toEqual([
      'backend.up',
      'load_balancer.created',
    ]);
    expect(await types('?severity=warning')).toEqual(['backend.down']);
    expect(await types('?severity=error')).toEqual([]);
    const first = await plane.call('GET', `${LB}/events?limit=2`);
    const rest = await plane.call('GET', `${LB}/events?cursor=${first.body.nextCursor}`);
    expect([...first.body.items, ...rest.body.items]).toEqual(await list());
    expect(rest.body.nextCursor).toBeNull();
    expect(await plane.call('GET', `${LB}/events?type=backend.sideways`)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/query/type', detail: expect.stringContaining('backend.down') }] },
    });
  });

  test('of one load balancer alone', async () => {
    await plane.call('POST', '/v1/load-balancers', { body: { name: 'other', spec: { type: 'http' } } });
    expect((await list()).every(({ resource }) => resource.name === 'web-lb')).toBe(true);
    expect(await list('', '/v1/events')).toMatchObject([
      { resource: { name: 'other' } },
      { resource: { name: 'web-lb' } },
    ]);
  });
});

describe('following', () => {
  async function follow(headers: Record<string, string> = {}, path = `${LB}/events`) {
    const leaving = new AbortController();
    const url = await plane.server.listen();
    const client = new ApiClient({ url, key: plane.key, signal: leaving.signal });
    const seen: ServerSentEvent[] = [];
    const done = (async () => {
      for await (const event of client.events({ path, headers })) seen.push(event);
    })().catch(() => {});
    onTestFinished(async () => {
      leaving.abort();
      await done;
    });
    return seen;
  }
  const told = (seen: ServerSentEvent[]) => seen.map(({ data }) => (data as Event).type);

  test('tells what there is and what comes, as it comes', async () => {
    const seen = await follow();
    await waitFor('what there is', () => seen.length === 1);
    await report({ 'web-1:8080': 'up' });
    await waitFor('what comes', () => seen.length === 4);
    expect(told(seen)).toEqual(['load_balancer.created', 'node.online', 'revision.live', 'backend.up']);
    expect(seen.every(({ event, id, data }) => event === 'event' && id === (data as Event).id)).toBe(true);
    for (const state of ['down', 'up'] as const) await report({ 'web-1:8080': state });
    await waitFor('a second time', () => seen.length === 6);
    expect(seen.slice(4).map(({ data }) => data)).toMatchObject([
      { type: 'backend.down', count: 1 },
      { type: 'backend.up', count: 2 },
    ]);
  });
  test('goes on where a stream that broke off was', async () => {
    const [last] = await list();
    await report({ 'web-1:8080': 'up' });
    const seen = await follow({ 'last-event-id': last?.id ?? '' });
    await waitFor('what came since', () => seen.length === 3);
    expect(told(seen)).not.toContain('load_balancer.created');
  });
});
