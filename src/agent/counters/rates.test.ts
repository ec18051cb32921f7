import { expect, test } from 'vitest';
import { createRates } from './rates.ts';
import { COLUMNS } from './readings.ts';

const totals = (value: number) => new Map([['k', COLUMNS.map(() => value)]]);

test('a rate is the growth of the last five seconds', () => {
  const rates = createRates();
  rates.sample(0, totals(1000));
  expect(rates.perSecond('k')[0]).toBe(0);
  rates.sample(1000, totals(1100));
  expect(rates.perSecond('k')[0]).toBe(100);
  for (let second = 2; second <= 10; second++) rates.sample(second * 1000, totals(1100));
  expect(rates.perSecond('k')[0]).toBe(0);
  expect(rates.perSecond('unknown')[0]).toBe(0);
});

test('what is new counts from nothing', () => {
  const rates = createRates();
  rates.sample(0, new Map());
  rates.sample(2000, totals(10));
  expect(rates.perSecond('k')[0]).toBe(5);
});
