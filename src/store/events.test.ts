import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import type { EventType } from '../api/events.ts';
import { type NewEvent, listEvents, tellEvents } from './events.ts';
import { type Store, openStore } from './open.ts';

const NOW = Date.parse('2026-11-23T04:00:00Z');
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: Store;
beforeEach(async () => {
  directory = await temporaryDirectory();
  store = await openStore(directory.path);
});
afterEach(async () => {
  await store.close();
  await directory.remove();
});

const event = (type: EventType, subject: string, id = 'lb_1'): NewEvent => ({
  type,
  severity: 'info',
  resource: { kind: 'load_balancer', id, name: id },
  subject,
  message: 'm',
  details: {},
});
const all = (filter = {}) =>
  store.transaction((tx) => listEvents(tx, filter, { before: Number.MAX_SAFE_INTEGER, limit: 100_000 }));
const tell = (events: readonly NewEvent[], now: number) =>
  store.transaction((tx) => tellEvents(tx, events, now));

test('no more than the newest of a group of one resource are kept, whatever else happens', async () => {
  await tell([event('certificate.failed', 'a.test'), event('backend.up', 'first', 'lb_2')], NOW);
  const many = Array.from({ length: 1200 }, (_, index) => event('backend.down', `web-${index}:80`));
  await tell(many, NOW + MINUTE);
  const kept = await all({ types: ['backend.*'], resourceIds: ['lb_1'] });
  expect(kept.length).toBeGreaterThanOrEqual(500);
  expect(kept.length).toBeLessThanOrEqual(550);
  expect(kept[0]?.subject).toBe('web-1199:80');
  expect((await all({ types: ['certificate.*'] })).length).toBe(1);
  expect((await all({ resourceIds: ['lb_2'] })).length).toBe(1);
});

test('what is older than thirty days goes', async () => {
  await tell([event('certificate.failed', 'a.test')], NOW);
  const later = Array.from({ length: 50 }, (_, index) => event('backend.up', `web-${index}:80`));
  await tell(later, NOW + 29 * DAY);
  expect((await all()).length).toBe(51);
  await tell(later, NOW + 31 * DAY);
  expect((await all()).map(({ type }) => type)).not.toContain('certificate.failed');
});

test('what happens again counts from the first time on, and has the newest number and words', async () => {
  const say = (message: string, minutes: number) =>
    tell([{ ...event('dns.failed', 'a.test'), message }], NOW + minutes * MINUTE);
  await say('first', 0);
  await tell([event('dns.failed', 'b.test')], NOW);
  await say('second', 6);
  await say('third', 9);
  await say('fourth', 11);
  expect(await all()).toMatchObject([
    { number: 5, message: 'fourth', count: 1 },
    {
      number: 4,
      message: 'third',
      count: 3,
      firstTime: '2026-11-23T04:00:00.000Z',
      time: '2026-11-23T04:09:00.000Z',
    },
    { number: 2, subject: 'b.test', count: 1 },
  ]);
});

test('what is rolled back was never told, and its number comes again', async () => {
  const failing = store.transaction(async (tx) => {
    await tellEvents(tx, [event('backend.up', 'a')], NOW);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  await tell([event('backend.up', 'b')], NOW);
  expect(await all()).toMatchObject([{ number: 1, subject: 'b' }]);
});
