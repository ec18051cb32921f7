import { describe, expect, it } from 'vitest';
import type { LoadBalancerReport } from '../api/agent.ts';
import { createTold } from './told.ts';

type Status = LoadBalancerReport['backends'][number];

const many = (count: number): Status[] =>
  Array.from({ length: count }, (_, index) => ({
    target: `10.0.${index >> 8}.${index & 255}:80`,
    pool: 'default',
    state: 'up',
    reason: 'check passed',
    since: '2026-01-01T00:00:00.000Z',
  }));
const withOne = (all: Status[], change: Partial<Status>): Status[] => [
  { ...all[0], ...change } as Status,
  ...all.slice(1),
];

describe('what is told of backends', () => {
  it('is all of few, every time', () => {
    const told = createTold(() => 0);
    const all = many(3);
    for (const now of [0, 1])
      expect(told.next(3, now, () => all, false)).toEqual({ backends: all, partial: false });
  });

  it('is all of many at first, then what is new', () => {
    const told = createTold(() => 0);
    const all = many(1000);
    expect(told.next(1000, 0, () => all, false).backends).toHaveLength(1000);
    const down = withOne(all, { state: 'down', reason: 'refused' });
    expect(told.next(1000, 1, () => down, false)).toEqual({ backends: [down[0]], partial: true });
    expect(told.next(1000, 2, () => down, false)).toEqual({ backends: [], partial: true });
  });

  it('is all of many again when the control plane may have lost it', () => {
    const told = createTold(() => 0);
    const all = many(1000);
    told.next(1000, 0, () => all, false);
    expect(told.next(1000, 1, () => all, true)).toEqual({ backends: all, partial: false });
    expect(told.next(1000, 2, () => all, false)).toEqual({ backends: [], partial: true });
  });

  it('is how long passed checks took by and by, behind what is news', () => {
    const told = createTold(() => 0);
    const before = many(1000);
    told.next(1000, 0, () => before, false);
    const all = before.map((status, index) =>
      index === 900 ? { ...status, state: 'down' as const } : { ...status, reason: 'passed in 2 ms' },
    );
    const reports = Array.from(
      { length: 10 },
      (_, index) => told.next(1000, index, () => all, false).backends,
    );
    expect(reports[0]?.[0]).toBe(all[900]);
    expect(reports.map((backends) => backends.length)).toEqual([201, 200, 200, 200, 199, 0, 0, 0, 0, 0]);
    expect(new Set(reports.flat()).size).toBe(1000);
  });

  it('is that a changed check has come to a verdict', () => {
    const told = createTold(() => 0);
    const all = many(1000);
    const rechecking = withOne(all, { rechecking: true });
    told.next(1000, 0, () => rechecking, false);
    const stale = rechecking.map((status) => ({ ...status, reason: 'passed in 2 ms' }));
    const [first] = withOne(stale, {});
    const decided = [...stale.slice(1), { ...(first as Status), rechecking: undefined }];
    expect(told.next(1000, 1, () => decided, false).backends[0]).toBe(decided.at(-1));
  });

  it('is a backend that went and comes back', () => {
    const told = createTold(() => 0);
    const all = many(1000);
    told.next(1000, 0, () => all, false);
    told.next(999, 1, () => all.slice(1), false);
    expect(told.next(1000, 2, () => withOne(all, { state: 'checking' }), false).backends).toMatchObject([
      { state: 'checking' },
    ]);
  });

  it('waits when finding it out is dear, and says that something is due', () => {
    let time = 0;
    const told = createTold(() => time);
    const all = many(1000);
    const read = (list: Status[]) => () => {
      time += 50;
      return list;
    };
    told.next(1000, 0, read(all), false);
    const down = withOne(all, { state: 'down' });
    expect(told.next(1000, 999, read(down), false)).toEqual({ backends: [], partial: true });
    expect(told.isDue(999)).toBe(false);
    expect(told.isDue(1000)).toBe(true);
    expect(told.next(1000, 1000, read(down), false).backends).toEqual([down[0]]);
    expect(told.isDue(5000)).toBe(false);
  });
});
