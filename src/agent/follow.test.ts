import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { DesiredState } from '../api/agent.ts';
import type { ControlPlane } from './control-plane.ts';
import { UnknownSpec, createFollower } from './follow.ts';

test('an agent that has not the spec which is patched asks for everything at once, and follows on', async () => {
  const ending = new AbortController();
  const asked: number[] = [];
  const turns: string[] = [];
  const desired = async (since: number): Promise<DesiredState> => {
    asked.push(since);
    return { controlPlaneId: 'c', version: asked.length + 10, ids: [], changed: [] };
  };
  const follower = createFollower({
    caller: { answered() {}, failed: () => Promise.reject(new Error('it waited')) },
    logger: pino({ level: 'silent' }),
    controlPlane: { desired } as unknown as ControlPlane,
    async take() {
      if (asked.length === 2) throw new UnknownSpec('not here');
      if (asked.length === 4) ending.abort();
    },
    releasing: () => undefined,
    onTurn: () => turns.push('turn'),
  });
  await follower.run(ending.signal);
  expect(asked).toEqual([0, 11, 0, 13]);
  expect(turns).toEqual([]);
});

test('while something is taken off it says so, and asks anew as soon as that is done', async () => {
  const ending = new AbortController();
  const asked: [since: number, isReleasing: boolean][] = [];
  const taken = Promise.withResolvers<void>();
  let rest: Promise<void> | undefined;
  const desired = async (since: number, isReleasing: boolean, signal: AbortSignal): Promise<DesiredState> => {
    asked.push([since, isReleasing]);
    if (asked.length === 1) return { controlPlaneId: 'c', version: 7, ids: [], changed: [] };
    if (asked.length === 2) taken.resolve();
    else ending.abort();
    // There is nothing new: only a signal ends the wait.
    return new Promise((_, reject) => {
      if (signal.aborted) reject(new Error('aborted'));
      signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
  };
  const follower = createFollower({
    caller: { answered() {}, failed: () => Promise.reject(new Error('it waited')) },
    logger: pino({ level: 'silent' }),
    controlPlane: { desired } as unknown as ControlPlane,
    async take() {
      rest = taken.promise.then(() => void (rest = undefined));
    },
    releasing: () => rest,
    onTurn: () => undefined,
  });
  await follower.run(ending.signal);
  expect(asked).toEqual([
    [0, false],
    [7, true],
    [7, false],
  ]);
});
