import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CountedTraffic, type Evidence, type PoolHealth, violations } from './verdict.ts';

const IDLE = { requests: 0, errors: 0 };
const CALM = { requests: 1000, errors: 10, responseMs: 20 };

function traffic(requests: number, errors: number, responseMs?: number, timed = requests): CountedTraffic {
  return { requests, errors, timed, ...(responseMs === undefined ? {} : { responseMs }) };
}

function pool(fields: Partial<PoolHealth> = {}): PoolHealth {
  const defaults = { wanted: 4, healthy: 4, waiting: 0, kept: 4, keptHealthy: 4 };
  return { pool: 'default', wasHealthy: true, ...defaults, ...fields };
}

function judged(fields: Partial<Omit<Evidence, 'after'>> & { after?: CountedTraffic }): string[] {
  const { after = traffic(0, 0), ...rest } = fields;
  return violations({ type: 'http', before: CALM, pools: [pool()], ...rest, after: [after] });
}

describe('failed requests', () => {
  test.each<[string, typeof IDLE, CountedTraffic, string | undefined]>([
    ['as before', CALM, traffic(1000, 10), undefined],
    ['five points more', CALM, traffic(1000, 60), undefined],
    [
      'just above five points',
      CALM,
      traffic(1000, 61),
      'the share of 5xx answers rose from 1.0 % to 6.1 % (61 of 1000 requests)',
    ],
    ['four errors', IDLE, traffic(20, 4), undefined],
    ['five of nineteen', IDLE, traffic(19, 5), undefined],
    ['five of twenty', IDLE, traffic(20, 5), 'the share of 5xx answers rose from 0.0 % to 25.0 %'],
    ['less than before', { requests: 100, errors: 50 }, traffic(1000, 300), undefined],
    ['a single failure before', { requests: 1, errors: 1 }, traffic(20, 20), 'from 0.0 % to 100.0 %'],
    ['every one of few failed before', { requests: 5, errors: 5 }, traffic(20, 20), undefined],
    ['no traffic', CALM, traffic(0, 0), undefined],
  ])('%s', (_name, before, after, reason) => {
    const found = judged({ before, after });
    expect(found.join()).toEqual(reason === undefined ? '' : expect.stringContaining(reason));
  });

  test('are connections where there are no answers to read', () => {
    expect(judged({ type: 'tcp', before: IDLE, after: traffic(50, 50) })[0]).toBe(
      'the share of connections that reach no backend rose from 0.0 % to 100.0 % (50 of 50 connections)',
    );
  });

  test('count in the last minute too, where the whole time dilutes them', () => {
    const after = [traffic(100_000, 100), traffic(1500, 90)];
    const found = violations({ type: 'http', before: IDLE, after, pools: [] });
    expect(found).toEqual(['the share of 5xx answers rose from 0.0 % to 6.0 % (90 of 1500 requests)']);
  });
});

describe('response times', () => {
  test.each<[string, number | undefined, CountedTraffic, boolean]>([
    ['as before', 20, traffic(100, 0, 20), false],
    ['many times as long, but short', 2, traffic(100, 0, 100), false],
    ['100 ms longer', 20, traffic(100, 0, 120), false],
    ['more than that', 20, traffic(100, 0, 121), true],
    ['not twice as long', 500, traffic(100, 0, 990), false],
    ['more than twice as long', 500, traffic(100, 0, 1001), true],
    ['over 49 requests', 20, traffic(100, 0, 500, 49), false],
    ['over 50 requests', 20, traffic(100, 0, 500, 50), true],
    ['never measured before', undefined, traffic(100, 0, 5000), false],
    ['not measured since', 20, traffic(100, 0), false],
  ])('%s', (_name, responseMs, after, isWorse) => {
    const before = { requests: 1000, errors: 0, ...(responseMs === undefined ? {} : { responseMs }) };
    expect(judged({ before, after }).length > 0).toBe(isWorse);
  });

  test('are told in milliseconds', () => {
    expect(judged({ before: CALM, after: traffic(61, 0, 340.4) })).toEqual([
      'the average response time rose from 20 ms to 340 ms over 61 requests',
    ]);
  });
});

describe('backends', () => {
  test.each<[string, Partial<PoolHealth>, string | undefined]>([
    ['all are healthy', {}, undefined],
    ['half of them are', { healthy: 2, keptHealthy: 2 }, undefined],
    [
      'less than half of them are',
      { healthy: 1, keptHealthy: 1, example: 'web-2:80 is down: no answer' },
      '1 of the 4 backends of pool default that were healthy before still is (web-2:80 is down: no answer)',
    ],
    ['none is', { healthy: 0, keptHealthy: 0 }, 'no backend of pool default is healthy any more'],
    ['others take their place', { wanted: 2, healthy: 2, kept: 0, keptHealthy: 0 }, undefined],
    [
      'others that are not healthy do',
      { wanted: 2, healthy: 0, kept: 0, keptHealthy: 0 },
      'no backend of pool default is healthy any more',
    ],
    [
      'others that are being checked do',
      { wanted: 2, healthy: 0, waiting: 1, kept: 0, keptHealthy: 0 },
      undefined,
    ],
    ['all are removed or drained on purpose', { wanted: 0, healthy: 0, kept: 0, keptHealthy: 0 }, undefined],
    ['none was healthy before', { wasHealthy: false, healthy: 0, kept: 0, keptHealthy: 0 }, undefined],
  ])('%s', (_name, fields, reason) => {
    const found = judged({ pools: [pool(fields)] });
    expect(found).toEqual(reason === undefined ? [] : [expect.stringContaining(reason)]);
  });

  test('are told of pool by pool, with whatever else is worse', () => {
    const lost = { healthy: 0, keptHealthy: 0 };
    const found = judged({ pools: [pool(lost), pool({ pool: 'api', ...lost })], after: traffic(40, 40) });
    expect(found.map((reason) => /pool \w+|5xx/.exec(reason)?.[0])).toEqual([
      'pool default',
      'pool api',
      '5xx',
    ]);
  });
});

describe('properties', () => {
  const count = fc.nat(100_000);
  const share = fc.integer({ min: 0, max: 1000 });
  const anyTraffic = fc
    .record({ requests: count, share, responseMs: fc.option(fc.nat(10_000), { nil: undefined }) })
    .map(({ requests, share: permille, responseMs }) =>
      traffic(requests, Math.floor((requests * permille) / 1000), responseMs),
    );

  test('what is as it was is never worse', () => {
    fc.assert(
      fc.property(anyTraffic, (same) => {
        expect(judged({ before: same, after: same })).toEqual([]);
      }),
    );
  });

  test('fewer errors and shorter times never make a verdict worse', () => {
    fc.assert(
      fc.property(anyTraffic, anyTraffic, fc.double({ min: 0, max: 1, noNaN: true }), (before, after, by) => {
        const better = {
          ...after,
          errors: Math.floor(after.errors * by),
          ...(after.responseMs === undefined ? {} : { responseMs: after.responseMs * by }),
        };
        expect(judged({ before, after: better }).length).toBeLessThanOrEqual(
          judged({ before, after }).length,
        );
      }),
    );
  });
});
