import { describe, expect, it } from 'vitest';
import { MAX_OLD_WORKERS, surplusWorkers } from './bound.ts';

const workers = (count: number, memory: number) =>
  Array.from({ length: count }, (_, index) => ({ pid: index + 1, memory }));

describe('workers of before a reload', () => {
  it('may all stay while they are few and small', () => {
    expect(surplusWorkers(workers(MAX_OLD_WORKERS, 1), 1000)).toEqual([]);
  });

  it('go in the order of their age when they are many', () => {
    expect(surplusWorkers(workers(MAX_OLD_WORKERS + 2, 1), 1000)).toEqual([1, 2]);
  });

  it('go in the order of their age when they are large', () => {
    expect(surplusWorkers(workers(5, 300), 1000)).toEqual([1, 2]);
  });
});
