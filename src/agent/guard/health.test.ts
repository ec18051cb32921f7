import fc from 'fast-check';
import { expect, test } from 'vitest';
import { specOf } from '../../../test/support/service.ts';
import type { BackendState } from '../../api/load-balancer.ts';
import { healthyTargets, poolsHealth } from './health.ts';
import { violations } from './verdict.ts';

const CHECK = { path: '/health', interval: '2s', timeout: '1s' };

function states(given: Record<string, BackendState>, pool = 'default') {
  return Object.entries(given).map(([target, state]) => ({ target, pool, state, reason: 'because' }));
}

function health(
  backends: readonly object[],
  now: Record<string, BackendState>,
  { before = {}, liveForMs = 0 }: { before?: Record<string, string[]>; liveForMs?: number } = {},
) {
  const spec = specOf({ type: 'http', backends, healthCheck: CHECK });
  return poolsHealth({ spec, states: states(now), before, liveForMs })[0];
}

const [A, B, C] = [{ target: 'a:80' }, { target: 'b:80' }, { target: 'c:80' }];

test('what was healthy is noted by pool', () => {
  const seen = [...states({ 'a:80': 'up', 'b:80': 'down' }), ...states({ 'a:80': 'up' }, 'api')];
  expect(healthyTargets(seen)).toEqual({ default: ['a:80'], api: ['a:80'] });
});

test('only backends that should take clients are missed', () => {
  const before = { default: ['a:80', 'b:80', 'c:80'] };
  const drained = [{ ...A, drain: true }, { ...B, weight: 0 }, C];
  expect(health(drained, { 'a:80': 'draining', 'b:80': 'draining', 'c:80': 'up' }, { before })).toMatchObject(
    { wasHealthy: true, wanted: 1, healthy: 1, kept: 1, keptHealthy: 1 },
  );
  expect(health([], {}, { before })).toMatchObject({ wasHealthy: true, wanted: 0, kept: 0 });
});

test('a backend is waited for until its first check must have answered', () => {
  const at = (liveForMs: number) => health([A], { 'a:80': 'checking' }, { liveForMs });
  expect(at(4999)).toMatchObject({ healthy: 0, waiting: 1 });
  expect(at(5000)).toMatchObject({ healthy: 0, waiting: 0 });
  expect(health([{ ...A, healthCheck: { interval: '1m' } }], {}, { liveForMs: 62_999 })).toMatchObject({
    waiting: 1,
  });
});

test('one that is not healthy is named with its reason', () => {
  const before = { default: ['a:80', 'b:80'] };
  expect(health([A, B], { 'a:80': 'up', 'b:80': 'down' }, { before })).toEqual({
    pool: 'default',
    wasHealthy: true,
    wanted: 2,
    healthy: 1,
    waiting: 0,
    kept: 2,
    keptHealthy: 1,
    example: 'b:80 is down: because',
  });
});

test('taking backends away or draining them is never what makes it worse', () => {
  const fate = fc.constantFrom('kept', 'removed', 'drained', 'weight 0');
  fc.assert(
    fc.property(fc.array(fate, { maxLength: 8 }), (fates) => {
      const targets = fates.map((_, index) => `web-${index}:80`);
      const settings = { kept: {}, removed: {}, drained: { drain: true }, 'weight 0': { weight: 0 } };
      const backends = targets.flatMap((target, index) => {
        const what = fates[index] ?? 'removed';
        return what === 'removed' ? [] : [{ target, ...settings[what] }];
      });
      const now = Object.fromEntries(
        targets.map((target, index) => [target, fates[index] === 'kept' ? 'up' : 'draining'] as const),
      );
      const pool = health(backends, now, { before: { default: targets }, liveForMs: 60_000 });
      const before = { requests: 0, errors: 0 };
      expect(violations({ type: 'http', before, after: [], pools: pool ? [pool] : [] })).toEqual([]);
    }),
  );
});
