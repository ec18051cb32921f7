import { describe, expect, test } from 'vitest';
import { type RolloutRules, type UpgradableMachine, nextUpgrade } from './decide.ts';

const RULES: RolloutRules = { wanted: '2', isAutomatic: true, isPaused: false };

function machine(name: string, more: Partial<UpgradableMachine> = {}): UpgradableMachine {
  return {
    id: name,
    name,
    version: '1',
    isOnline: true,
    loadBalancerId: undefined,
    isLive: false,
    isActive: false,
    upgrade: undefined,
    ...more,
  };
}
const node = (name: string, more: Partial<UpgradableMachine> = {}) =>
  machine(name, { loadBalancerId: 'lb', isLive: true, ...more });
const step = (machines: UpgradableMachine[], rules: Partial<RolloutRules> = {}) => {
  const { next, state } = nextUpgrade(machines, { ...RULES, ...rules });
  return `${state} ${next?.name ?? '-'}`;
};
const failed = { version: '2', state: 'failed', reason: 'it did not report' } as const;
const asked = { version: '2', state: 'asked', reason: null } as const;

describe('the next agent that is upgraded', () => {
  test('is that of a free machine, then of a standby, and at last of the one with the address', () => {
    const all = [node('a', { isActive: true }), node('b'), machine('c')];
    expect(step(all)).toBe('running c');
    const upgraded = (names: string[]) =>
      all.map((one) => (names.includes(one.name) ? { ...one, version: '2' } : one));
    expect(step(upgraded(['c']))).toBe('running b');
    expect(step(upgraded(['b', 'c']))).toBe('running a');
    expect(step(upgraded(['a', 'b', 'c']))).toBe('done -');
  });

  test('waits while another one is upgraded, wherever that is', () => {
    const running = { version: '2', state: 'running', reason: null } as const;
    expect(step([machine('a', { upgrade: running }), machine('b')])).toBe('running -');
  });

  test('waits until every node of its load balancer serves', () => {
    expect(step([node('a'), node('b', { version: '2', isLive: false })])).toBe('waiting -');
    expect(step([node('a'), node('b', { version: '2', isOnline: false })])).toBe('waiting -');
  });

  test('is none after one has failed, until somebody asks', () => {
    const all = [machine('a', { upgrade: failed }), machine('b')];
    expect(step(all)).toBe('stopped -');
    expect(nextUpgrade(all, RULES).reason).toContain(
      'the agent of a could not be upgraded: it did not report',
    );
    expect(step([machine('a', { upgrade: failed }), machine('b', { upgrade: asked })])).toBe('running b');
    // What failed was another version: this one is tried.
    expect(step(all, { wanted: '3' })).toBe('running a');
  });

  test('is none while it is paused, or when agents are upgraded only when asked', () => {
    expect(step([machine('a')], { isPaused: true })).toBe('paused -');
    expect(step([machine('a')], { isAutomatic: false })).toBe('manual -');
    expect(step([machine('a', { upgrade: asked })], { isAutomatic: false })).toBe('running a');
  });

  test('is none of a machine on which nothing could do it', () => {
    expect(step([machine('a', { version: undefined })])).toBe('done -');
  });
});
