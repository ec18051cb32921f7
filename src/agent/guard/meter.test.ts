import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PoolReading, createMeter } from './meter.ts';
import { advanceTally, beginTally, counted } from './tally.ts';

/** Counts as HAProxy 2.6 does: a plain sum of the first 512 times, and from then on each one fades (`swrate_add`). */
function haproxySection(section = 'default') {
  let sum = 0;
  const reading: PoolReading = { section, requests: 0, errors: 0, timed: 0, averageMs: 0 };
  return {
    serve(ms: number, isError = false) {
      reading.requests += 1;
      reading.timed += 1;
      if (isError) reading.errors += 1;
      sum += ms - (reading.timed > 512 ? Math.floor((sum + 511) / 512) : 0);
    },
    read(): PoolReading {
      const over = Math.min(reading.timed, 512);
      return { ...reading, averageMs: over === 0 ? 0 : Math.floor((sum + over - 1) / over) };
    },
  };
}

describe('the meter', () => {
  test('counts the requests between two looks, over a reload too, and nothing of the worker before', () => {
    const meter = createMeter();
    const [old, fresh] = [haproxySection(), haproxySection()];
    for (let i = 0; i < 100; i++) old.serve(10, true);
    meter.take('old', [old.read()], 0);
    for (let i = 0; i < 10; i++) old.serve(10);
    meter.take('old', [old.read()], 1000);
    expect(meter.since(0)).toMatchObject({ requests: 10, errors: 0 });
    for (let i = 0; i < 7; i++) fresh.serve(10, i < 2);
    meter.take('fresh', [fresh.read()], 2000);
    expect(meter.since(0)).toMatchObject({ requests: 17, errors: 2 });
    expect(meter.since(1000)).toMatchObject({ requests: 7, errors: 2 });
  });

  test('counts all of a new worker, though it has counted more than the one before', () => {
    const meter = createMeter();
    const [old, fresh] = [haproxySection(), haproxySection()];
    for (let i = 0; i < 10; i++) old.serve(10);
    meter.take('old', [old.read()], 0);
    for (let i = 0; i < 50; i++) fresh.serve(10);
    meter.take('fresh', [fresh.read()], 1000);
    expect(meter.since(0).requests).toBe(50);
  });

  test('remembers a minute and no more', () => {
    const meter = createMeter();
    const section = haproxySection();
    for (let at = 0; at <= 180_000; at += 1000) {
      section.serve(10);
      meter.take('one', [section.read()], at);
    }
    expect(meter.since(0).requests).toBe(60);
    expect(meter.usual(180_000).requests).toBe(60);
  });

  test('knows what is usual from the worker’s own counters when nobody looked before', () => {
    const meter = createMeter();
    const section = haproxySection();
    for (let i = 0; i < 300; i++) section.serve(30, i % 10 === 0);
    meter.take('one', [section.read()], 1000);
    expect(meter.usual(1000)).toEqual({ requests: 300, errors: 30, timed: 300, responseMs: 30 });
    expect(createMeter().usual(0)).toEqual({ requests: 0, errors: 0, timed: 0 });
  });

  test('finds the average of the requests since a moment, whatever came before', () => {
    const steps = fc.array(fc.nat(40), { minLength: 5, maxLength: 30 });
    const times = fc.integer({ min: 1, max: 2000 });
    fc.assert(
      fc.property(fc.nat(2000), times, times, steps, (past, beforeMs, afterMs, looks) => {
        const meter = createMeter();
        const section = haproxySection();
        for (let i = 0; i < past; i++) section.serve(beforeMs);
        meter.take('one', [section.read()], 0);
        looks.forEach((requests, index) => {
          for (let i = 0; i < requests; i++) section.serve(afterMs);
          meter.take('one', [section.read()], index + 1);
        });
        const { timed, responseMs } = meter.since(0);
        // HAProxy rounds to milliseconds, which weighs on few requests more than on many.
        if (timed >= 50) expect(Math.abs((responseMs ?? 0) - afterMs)).toBeLessThan(30);
      }),
    );
  });
});

describe('the tally', () => {
  const sums = (requests: number, errors = 0) => ({ requests, errors });

  test('counts on the same worker from where it began, on another one from 0', () => {
    const begun = beginTally(1, 'one', sums(100, 7));
    const later = advanceTally(begun, 'one', sums(150, 8));
    expect(counted(later)).toEqual(sums(50, 1));
    const reloaded = advanceTally(later, 'two', sums(5, 5));
    expect(counted(reloaded)).toEqual(sums(55, 6));
    expect(counted(advanceTally(reloaded, 'two', sums(9, 5)))).toEqual(sums(59, 6));
  });
});
