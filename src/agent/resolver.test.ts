import { afterEach, describe, expect, test } from 'vitest';
import type { DesiredLoadBalancer } from '../api/agent.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { validateLoadBalancer } from '../spec/validate.ts';
import { type NameAnswer, type NameResolver, createNameResolver } from './resolver.ts';

function desiredOf(spec: object, vpc: Partial<DesiredLoadBalancer['vpc']> = {}): DesiredLoadBalancer {
  const definition = validateLoadBalancer({ name: 'web-lb', spec });
  if (!definition.ok) throw new Error(JSON.stringify(definition.errors));
  return {
    ...definition.value,
    id: 'lb_1',
    revision: 1,
    address: '127.80.0.1',
    vpc: { name: 'default', cidrs: ['10.0.0.0/8'], nameServers: ['10.0.0.53'], hosts: [], ...vpc },
    allowLoopbackBackends: false,
  };
}

test('names of all pools are resolved, each once', async () => {
  const asked: string[] = [];
  const resolver = createNameResolver({
    clock: systemClock,
    onChange: () => undefined,
    async query(host) {
      asked.push(host);
      return { addresses: ['10.0.0.8'], ttlMs: 60_000 };
    },
  });
  const spec = {
    type: 'http',
    backends: [{ target: 'web-1:80' }, { target: '10.0.0.9:80' }],
    pools: { api: { backends: [{ target: 'web-1:81' }, { target: 'api.internal:80' }] } },
  };
  const vpc = { hosts: [{ name: 'web-1', addresses: ['10.0.0.7'] }] };
  const { addresses, faults } = await resolver.resolve(desiredOf(spec, vpc));
  expect(Object.fromEntries(addresses)).toEqual({
    'api.internal': '10.0.0.8',
    'web-1': '10.0.0.7',
  });
  expect(asked).toEqual(['api.internal']);
  expect(faults.size).toBe(0);
});

describe('a name server is asked', () => {
  let now = 0;
  let asked: number[] = [];
  let answer: NameAnswer | Error;
  afterEach(() => {
    now = 0;
    asked = [];
  });
  const clock: Clock = { now: () => now, sleep: systemClock.sleep };
  const desired = desiredOf({ type: 'http', backends: [{ target: 'api.internal:80' }] });
  const create = () =>
    createNameResolver({
      clock,
      random: () => 1,
      onChange: () => undefined,
      async query() {
        asked.push(now);
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
  const fault = (code: string) => Object.assign(new Error(code), { code });
  /** Looks once a second, as an agent does, and tells the seconds at which the name server was asked. */
  async function seconds(resolver: NameResolver, count: number): Promise<number[]> {
    const from = asked.length;
    for (let second = 0; second < count; second++) {
      await resolver.resolve(desired);
      // What is asked for beside is there with the next look.
      await new Promise((resolve) => setImmediate(resolve));
      now += 1000;
    }
    return asked.slice(from).map((at) => at / 1000);
  }

  test.each([
    ['as long as the answer may be used', 7_000, [0, 7, 14]],
    ['no more often than every second', 0, Array.from({ length: 20 }, (_, index) => index)],
    ['every minute though it may be used for days', 604_800_000, [0]],
    ['every five seconds where that is not said', undefined, [0, 5, 10, 15]],
  ])('%s', async (_, ttlMs, expected) => {
    answer = { addresses: ['10.0.0.8'], ttlMs };
    const resolver = create();
    expect(await seconds(resolver, 20)).toEqual(expected);
    if (expected.length === 1) expect(await seconds(resolver, 60)).toEqual([60]);
  });

  test.each(['ETIMEOUT', 'ENOTFOUND', 'ESERVFAIL'])(
    'less and less often when it has no answer (%s), and the last good one is kept and told',
    async (code) => {
      answer = { addresses: ['10.0.0.8'], ttlMs: 1000 };
      const resolver = create();
      await seconds(resolver, 1);
      answer = fault(code);
      expect(await seconds(resolver, 120)).toEqual([1, 2, 4, 8, 16, 32, 62, 92]);
      const kept = await resolver.resolve(desired);
      expect(Object.fromEntries(kept.addresses)).toEqual({ 'api.internal': '10.0.0.8' });
      expect(kept.faults.size).toBe(0);
      expect(kept.kept.get('api.internal')).toMatch(
        /api\.internal.*; its last address 10\.0\.0\.8 stays in use$/,
      );
      // It is back: from then on as often as it says.
      answer = { addresses: ['10.0.0.9'], ttlMs: 3000 };
      expect((await seconds(resolver, 40)).slice(0, 3)).toEqual([122, 125, 128]);
      const mended = await resolver.resolve(desired);
      expect(Object.fromEntries(mended.addresses)).toEqual({ 'api.internal': '10.0.0.9' });
      expect(mended.kept.size).toBe(0);
      // The next time it is asked as soon as the first time.
      answer = fault(code);
      const again = await seconds(resolver, 12);
      expect((again[1] ?? 0) - (again[0] ?? 0)).toBe(1);
    },
  );

  test('for what has not been wanted for long as if it had never been', async () => {
    answer = { addresses: ['10.0.0.8'], ttlMs: 60_000 };
    const resolver = create();
    await resolver.resolve(desired);
    now += 2 * 3_600_000;
    await resolver.resolve(desiredOf({ type: 'http', backends: [{ target: 'other.internal:80' }] }));
    answer = fault('ETIMEOUT');
    // Nothing is kept of it that could be served.
    expect((await resolver.resolve(desired)).faults.get('api.internal')).toContain('does not answer');
  });
});
