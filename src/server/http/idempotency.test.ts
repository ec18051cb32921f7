import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type ControlPlane,
  adjustableClock,
  liveReport,
  startControlPlane,
} from '../../../test/support/control-plane.ts';

let plane: ControlPlane;
let clock: ReturnType<typeof adjustableClock>;
beforeEach(async () => {
  clock = adjustableClock();
  plane = await startControlPlane({ clock });
});
afterEach(() => plane.stop());

const create = (name: string, key: string, path = '/v1/load-balancers') =>
  plane.call('POST', path, { body: { name, spec: { type: 'http' } }, headers: { 'idempotency-key': key } });

test('a repeated request gets the first one’s answer and writes nothing', async () => {
  const first = await create('once', 'k1');
  const second = await create('once', 'k1');
  expect(second).toMatchObject({
    status: 201,
    body: first.body,
    headers: { location: first.headers['location'], etag: '"1"' },
  });
  expect(second.headers['idempotency-replayed']).toBe('true');
  expect(first.headers['idempotency-replayed']).toBeUndefined();
  plane = await plane.restart();
  expect(await create('once', 'k1')).toMatchObject({ status: 201, body: first.body });
});

test('the same key with another body is refused', async () => {
  await create('one', 'k1');
  expect((await create('two', 'k1')).body).toMatchObject({ code: 'idempotency_mismatch', status: 422 });
});

test('a failed request, and a dry run, leave the key free', async () => {
  expect((await create('Bad Name', 'k1')).status).toBe(422);
  expect((await create('good', 'k1', '/v1/load-balancers?dryRun=true')).status).toBe(200);
  expect((await create('good', 'k1')).status).toBe(201);
});

test('of requests that run at the same time one writes', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => create('racing', 'k1')));
  const made = answers.filter(({ status }) => status === 201);
  expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
  for (const { body } of answers.filter(({ status }) => status !== 201))
    expect(body.code).toBe('idempotency_in_flight');
});

test('while a request waits to be live its key is in flight, and the replay has the final answer', async () => {
  const body = { name: 'waiting', spec: { type: 'http' } };
  const send = () =>
    plane.call('POST', '/v1/load-balancers', {
      body,
      headers: { 'idempotency-key': 'k1', prefer: 'wait=30' },
    });
  const first = send();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await send()).body.code).toBe('idempotency_in_flight');
  const { changed } = await plane.agent.desired();
  for (const desired of changed) await plane.agent.report(liveReport(desired));
  expect((await first).body.status.state).toBe('active');
  expect(await send()).toMatchObject({ status: 201, body: (await first).body });
});

test('a key is kept for a day', async () => {
  await create('day', 'k1');
  clock.advance(25 * 3_600_000);
  expect((await create('next-day', 'k1')).status).toBe(201);
});

test('a new API key is replayed to its maker but cannot be read in the store', async () => {
  const make = () =>
    plane.call('POST', '/v1/keys', { body: { name: 'ci' }, headers: { 'idempotency-key': 'k1' } });
  const { body } = await make();
  expect((await make()).body).toEqual(body);
  const database = new DatabaseSync(join(plane.dataDir, 'agentmetal.db'), { readOnly: true });
  const rows = JSON.stringify(database.prepare('select * from idempotency_keys').all());
  database.close();
  expect(rows).toContain('k1');
  expect(rows).not.toContain(body.key);
});

test.each(['', 'x'.repeat(256), 'a\tb'])('the key %j is refused', async (key) => {
  expect((await create('x', key)).body.code).toBe('invalid_request');
});
