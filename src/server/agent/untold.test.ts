import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type ControlPlane,
  adjustableClock,
  createWebLb,
  liveReport,
  startControlPlane,
} from '../../../test/support/control-plane.ts';
import { MAX_UNTOLD_TURNS, type UntoldTurn } from '../../api/agent.ts';
import type { Event } from '../../api/events.ts';

const HOUR_MS = 3_600_000;

let plane: ControlPlane;
let clock: ReturnType<typeof adjustableClock>;
let lb: Parameters<typeof liveReport>[0];
beforeEach(async () => {
  clock = adjustableClock();
  plane = await startControlPlane({ clock });
  lb = await createWebLb(plane);
  await plane.agent.report(liveReport(lb, { now: clock.now() }));
});
afterEach(() => plane.stop());

const at = (ms: number) => new Date(ms).toISOString();
const turn = (
  ms: number,
  state: UntoldTurn['state'],
  target = 'web-1:8080',
  reason = `is ${state}`,
): UntoldTurn => ({ at: at(ms), pool: 'default', target, state, reason });
const events = async (query = '?type=backend.*,node.*') =>
  (await plane.call('GET', `/v1/events${query}&limit=500`)).body.items.toReversed() as Event[];
/** Tells what an agent could not tell before. */
const catchUp = (turns: UntoldTurn[], dropped = 0) =>
  plane.agent.report({ ...liveReport(lb, { now: clock.now() }), untold: { turns, dropped } });
const brief = (list: Event[]) => list.map(({ time, type, count }) => `${time} ${type} ${count}`);

test('what happened while nobody could be told is told in order, each with its own time, before that the agent is back', async () => {
  const from = clock.now();
  const before = (await events()).length;
  clock.advance(7 * 24 * HOUR_MS);
  const turns = [
    turn(from + HOUR_MS, 'down', 'web-1:8080', 'connection refused'),
    turn(from + 2 * HOUR_MS, 'down', 'web-2:8080', 'status 503'),
    turn(from + 3 * HOUR_MS, 'up'),
    turn(from + 4 * HOUR_MS, 'up', 'web-2:8080'),
  ];
  expect((await catchUp(turns)).status).toBe(204);
  const news = (await events()).slice(before);
  const told = [
    `${at(from + HOUR_MS)} backend.down 1`,
    `${at(from + 2 * HOUR_MS)} backend.down 1`,
    `${at(from + 3 * HOUR_MS)} backend.up 1`,
    `${at(from + 4 * HOUR_MS)} backend.up 1`,
  ];
  expect(brief(news)).toEqual(told);
  expect(news.map(({ severity }) => severity)).toEqual(['warning', 'error', 'info', 'info']);
  expect(news[1]?.message).toBe('web-2:8080 went down: status 503; no backend is up any more');
  // The answer was lost, so it is told again.
  await catchUp(turns);
  expect(brief((await events()).slice(before))).toEqual(told);
});

test('the agent of a machine whose silence was told is back after what it tells', async () => {
  const from = clock.now();
  await plane.server.context.store.transaction(async (tx) => {
    clock.advance(24 * HOUR_MS);
    const { tellOffline } = await import('../events/machines.ts');
    await tellOffline(tx, clock.now());
  });
  await catchUp([turn(from + HOUR_MS, 'down'), turn(from + 2 * HOUR_MS, 'up')]);
  expect((await events()).slice(-4).map(({ type }) => type)).toEqual([
    'node.offline',
    'backend.down',
    'backend.up',
    'node.online',
  ]);
});

test('what has not come back is down in the status, and told once with its own time', async () => {
  const from = clock.now();
  clock.advance(HOUR_MS);
  const report = liveReport(lb, { now: clock.now() });
  const [first, ...others] = report.backends;
  if (!first) throw new Error('there is no backend');
  const backends = [{ ...first, state: 'down' as const, since: at(from + 1000) }, ...others];
  await plane.agent.report({
    ...report,
    backends,
    untold: { turns: [turn(from + 1000, 'down')], dropped: 0 },
  });
  await plane.agent.report({ ...report, backends });
  expect(brief(await events('?type=backend.down'))).toEqual([`${at(from + 1000)} backend.down 1`]);
});

test('many that turned at once are one event, and a clock that is ahead tells nothing of the future', async () => {
  const from = clock.now();
  const many = Array.from({ length: 50 }, (_, index) =>
    turn(from + 1000 + index, 'down', `web-${index + 1}:8080`),
  );
  clock.advance(HOUR_MS);
  await catchUp([...many, turn(clock.now() + HOUR_MS, 'up')]);
  const news = await events('?type=backend.down');
  expect(news).toMatchObject([{ details: { backendCount: 50 }, count: 1 }]);
  const [up] = (await events('?type=backend.up')).slice(-1);
  expect(up?.time).toBe(at(clock.now()));
});

test('a week of a backend that flaps is bounded, and what was dropped is told as such', async () => {
  const from = clock.now();
  clock.advance(7 * 24 * HOUR_MS);
  const turns = Array.from({ length: MAX_UNTOLD_TURNS }, (_, index) =>
    turn(from + index * 15 * 60_000, index % 2 === 0 ? 'down' : 'up'),
  ).slice(1);
  await catchUp(turns, 1234);
  const [dropped] = await events('?type=node.changes_dropped');
  expect(dropped).toMatchObject({
    severity: 'warning',
    message: `machine local could not report for so long that it dropped the oldest 1234 changes of backends; what is told begins at ${turns[0]?.at}`,
    details: { machine: 'local', dropped: 1234 },
  });
  const told = (await events('?type=backend.*')).length;
  expect(told).toBeGreaterThan(MAX_UNTOLD_TURNS / 2);
  expect(told).toBeLessThanOrEqual(MAX_UNTOLD_TURNS + 5);
  const tooMany = Array.from({ length: MAX_UNTOLD_TURNS + 1 }, (_, index) => turn(from + index, 'up'));
  expect((await catchUp(tooMany)).status).toBe(422);
});
