import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_REPLACEMENT,
  type FleetView,
  type WatchedMachine,
  judgeSilence,
  mostSilent,
} from './judge.ts';

const MINUTE = 60_000;
const gone = { kind: 'gone', seenBy: ['lb-2'] } as const;

function machine(name: string, more: Partial<WatchedMachine> = {}): WatchedMachine {
  return {
    id: name,
    name,
    vpcId: 'vpc_1',
    vpc: 'prod',
    vpcAfterMs: undefined,
    loadBalancer: undefined,
    silentMs: 0,
    isReplaced: false,
    isBeingReplaced: false,
    isDraining: false,
    isFree: false,
    evidence: undefined,
    ...more,
  };
}
const node = (name: string, more: Partial<WatchedMachine> = {}, lb = 'web-lb') =>
  machine(name, { loadBalancer: { id: lb, name: lb }, ...more });
const free = (name: string, more: Partial<WatchedMachine> = {}) => machine(name, { isFree: true, ...more });
const dead = { silentMs: 6 * MINUTE, evidence: gone };

function judge(machines: WatchedMachine[], sinceLastMs = Number.POSITIVE_INFINITY) {
  return judgeSilence({ machines, sinceLastMs }, DEFAULT_REPLACEMENT).map(
    ({ machine: { name }, action, code }) => [name, action, code].join(' '),
  );
}

describe('a node whose agent is silent', () => {
  test('is left alone until it has been so for long', () => {
    expect(judge([node('lb-1', { silentMs: 5 * MINUTE - 1 }), node('lb-2'), free('lb-3')])).toEqual([]);
  });

  test('is left alone for as long as its VPC says, or for ever', () => {
    const others = [node('lb-2'), free('lb-3')];
    const of = (vpcAfterMs: number) => judge([node('lb-1', { ...dead, vpcAfterMs }), ...others]);
    expect(of(7 * MINUTE)).toEqual([]);
    expect(of(6 * MINUTE)).toEqual(['lb-1 replace gone']);
    expect(of(Number.POSITIVE_INFINITY)).toEqual([]);
    const never = { ...DEFAULT_REPLACEMENT, afterMs: Number.POSITIVE_INFINITY };
    const view = (vpcAfterMs: number | undefined) => ({
      machines: [node('lb-1', { ...dead, vpcAfterMs }), ...others],
      sinceLastMs: Number.POSITIVE_INFINITY,
    });
    expect(judgeSilence(view(undefined), never)).toEqual([]);
    expect(judgeSilence(view(MINUTE), never)).toMatchObject([{ action: 'replace' }]);
  });

  test('is looked at first, and replaced when nobody near it is served there', () => {
    const others = [node('lb-2'), free('lb-3')];
    expect(judge([node('lb-1', { silentMs: 5 * MINUTE }), ...others])).toEqual(['lb-1 look looking']);
    const [verdict] = judgeSilence(
      { machines: [node('lb-1', dead), ...others], sinceLastMs: Number.POSITIVE_INFINITY },
      DEFAULT_REPLACEMENT,
    );
    expect(verdict).toMatchObject({ action: 'replace', code: 'gone' });
    expect(verdict?.reason).toBe(
      'silent for 6 minutes, and no port of web-lb takes connections there, as seen from lb-2',
    );
  });

  test('stays while it serves, or while nobody could look', () => {
    const serves = { kind: 'serves', at: '10.0.0.5:80', seenBy: 'lb-2' } as const;
    const others = [node('lb-2'), free('lb-3')];
    expect(judge([node('lb-1', { ...dead, evidence: serves }), ...others])).toEqual(['lb-1 hold serves']);
    expect(judge([node('lb-1', { ...dead, evidence: { kind: 'unseen' } }), ...others])).toEqual([
      'lb-1 hold unseen',
    ]);
  });

  test('stays while no machine of its VPC is free', () => {
    expect(judge([node('lb-1', dead), node('lb-2'), free('lb-3', { vpcId: 'vpc_2' })])).toEqual([
      'lb-1 hold no_free_machine',
    ]);
  });

  test('is not looked at when it has been replaced, is being replaced, or is drained', () => {
    for (const state of [{ isReplaced: true }, { isBeingReplaced: true }, { isDraining: true }])
      expect(judge([node('lb-1', { ...dead, ...state }), node('lb-2'), free('lb-3')])).toEqual([]);
  });
});

describe('several that are silent', () => {
  test('more than a third of the VPC: none is replaced', () => {
    const machines = [node('lb-1', dead), node('lb-2', dead), node('lb-3'), free('lb-4'), free('lb-5')];
    expect(judge(machines)).toEqual(['lb-1 hold storm', 'lb-2 hold storm']);
    expect(judge([...machines, free('lb-6')])).not.toContain('lb-1 hold storm');
  });

  test('one that is silent for some seconds counts too', () => {
    expect(judge([node('lb-1', dead), node('lb-2', { silentMs: 31_000 }), free('lb-3')])).toEqual([
      'lb-1 hold storm',
    ]);
  });

  test('more than a third of all VPCs: none is replaced, though there are few in each', () => {
    const vpcs = ['a', 'b', 'c'].flatMap((vpcId) => [
      node(`${vpcId}-1`, { ...dead, vpcId }, vpcId),
      free(`${vpcId}-2`, { vpcId }),
    ]);
    expect(judge(vpcs)).toEqual(['a-1 hold storm', 'b-1 hold storm', 'c-1 hold storm']);
  });

  test('those that were replaced long ago count no more', () => {
    const before = ['old-1', 'old-2'].map((name) => machine(name, { ...dead, isReplaced: true }));
    expect(judge([...before, node('lb-1', dead), node('lb-2'), free('lb-3')])).toEqual(['lb-1 replace gone']);
  });

  test('one at a time, the longest silent first, with a pause between', () => {
    const machines = [
      node('lb-1', dead),
      node('lb-2', { ...dead, silentMs: 7 * MINUTE }, 'other'),
      ...['3', '4', '5', '6'].map((number) => free(`lb-${number}`)),
    ];
    expect(judge(machines)).toEqual(['lb-2 replace gone', 'lb-1 hold turn']);
    expect(judge(machines, 59_999)).toEqual(['lb-2 hold turn', 'lb-1 hold turn']);
    const underWay = machines.map((each) =>
      each.name === 'lb-2' ? { ...each, isBeingReplaced: true } : each,
    );
    expect(judge(underWay)).toEqual(['lb-1 hold turn']);
  });

  test('what keeps one from being replaced does not keep the next from its turn', () => {
    const machines = [
      node('lb-1', { silentMs: 9 * MINUTE, evidence: { kind: 'unseen' } }),
      node('lb-2', dead, 'other'),
      ...['3', '4', '5', '6'].map((number) => free(`lb-${number}`)),
    ];
    expect(judge(machines)).toEqual(['lb-1 hold unseen', 'lb-2 replace gone']);
  });
});

test('whatever happens, there is no storm', () => {
  const member = fc.record({
    vpcId: fc.constantFrom('a', 'b'),
    loadBalancer: fc.option(fc.constantFrom('x', 'y', 'z'), { nil: undefined }),
    silentMs: fc.constantFrom(0, 10_000, 31_000, 5 * MINUTE, 60 * MINUTE),
    isReplaced: fc.boolean(),
    isBeingReplaced: fc.boolean(),
    isDraining: fc.boolean(),
    isFree: fc.boolean(),
    vpcAfterMs: fc.constantFrom(undefined, MINUTE, Number.POSITIVE_INFINITY),
    evidence: fc.constantFrom(undefined, gone, { kind: 'unseen' } as const),
  });
  const machines = fc.array(member, { maxLength: 12 }).map((list) =>
    list.map((one, index): WatchedMachine => ({
      ...one,
      id: `m${index}`,
      name: `m${index}`,
      vpc: one.vpcId,
      loadBalancer: one.loadBalancer === undefined ? undefined : { id: one.loadBalancer, name: 'lb' },
    })),
  );
  const rules = fc.record({
    afterMs: fc.constant(5 * MINUTE),
    atOnce: fc.integer({ min: 1, max: 3 }),
    pauseMs: fc.constant(MINUTE),
  });
  fc.assert(
    fc.property(machines, rules, fc.constantFrom(0, 2 * MINUTE), (list, by, sinceLastMs) => {
      const view: FleetView = { machines: list, sinceLastMs };
      const replaced = judgeSilence(view, by).filter(({ action }) => action === 'replace');
      const underWay = list.filter(({ isBeingReplaced }) => isBeingReplaced).length;
      expect(replaced.length).toBeLessThanOrEqual(
        sinceLastMs < by.pauseMs ? 0 : Math.max(0, by.atOnce - underWay),
      );
      const counted = list.filter(({ isReplaced }) => !isReplaced);
      const silent = counted.filter(({ silentMs }) => silentMs > 30_000).length;
      if (replaced.length > 0) expect(silent).toBeLessThanOrEqual(mostSilent(counted.length));
      for (const { machine: one } of replaced) {
        expect(one.silentMs).toBeGreaterThanOrEqual(one.vpcAfterMs ?? by.afterMs);
        expect(one.evidence).toEqual(gone);
        expect(list.some(({ isFree, vpcId }) => isFree && vpcId === one.vpcId)).toBe(true);
      }
    }),
  );
});
