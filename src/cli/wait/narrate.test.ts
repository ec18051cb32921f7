import { expect, test } from 'vitest';
import type { Receipt } from '../../spec/plan.ts';
import { receiptLine } from './narrate.ts';

const RECEIPT: Receipt = {
  revision: 2,
  machine: 'local',
  outcome: 'applied',
  path: 'runtime',
  startedAt: '2026-11-23T04:00:00.000Z',
  durationMs: 12.4,
  steps: [],
  verified: [],
  connectionsCut: 0,
  restored: false,
};

test.each<[Partial<Receipt>, string]>([
  [{}, 'applied on local: runtime, 12 ms'],
  [{ path: 'reload', connectionsCut: 3 }, 'applied on local: reload, 12 ms, 3 connections cut'],
  [{ path: 'none', durationMs: 5 }, 'applied on local: nothing to do there, 5 ms'],
  [{ path: 'none', outcome: 'failed', durationMs: 37 }, 'failed on local, 37 ms'],
])('%j', (given, line) => {
  expect(receiptLine({ ...RECEIPT, ...given })).toBe(line);
});
