import { describe, expect, it } from 'vitest';
import { AppError } from '../../base/errors.ts';
import { whileAuthorized } from './while-authorized.ts';

describe('a stream', () => {
  it('ends before the next event when its caller may not have it any more', async () => {
    let now = 0;
    let isRevoked = false;
    let asked = 0;
    const authorize = async () => {
      asked += 1;
      if (isRevoked) throw new AppError('unauthenticated', 'the API key is not known here');
    };
    async function* events() {
      for (let index = 1; index <= 5; index++) {
        now += 600;
        if (index === 4) isRevoked = true;
        yield index;
      }
    }
    const seen: number[] = [];
    for await (const event of whileAuthorized(events(), authorize, { now: () => now })) seen.push(event);
    expect(seen).toEqual([1, 2, 3]);
    expect(asked).toBe(2);
  });

  it('tells of what went wrong otherwise', async () => {
    let now = 0;
    async function* events() {
      now += 5000;
      yield 1;
    }
    const broken = whileAuthorized(events(), () => Promise.reject(new Error('disk')), { now: () => now });
    await expect(broken.next()).rejects.toThrow('disk');
  });
});
