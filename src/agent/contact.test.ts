import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Clock } from '../base/clock.ts';
import { answerQuestions } from './answerer.ts';
import { createContact } from './contact.ts';
import type { ControlPlane } from './control-plane.ts';
import { createFollower } from './follow.ts';
import { createReporter } from './reporter.ts';

const OUTAGE_MS = 2 * 86_400_000;
const logger = pino({ level: 'silent' });

/** Time that passes while somebody sleeps, and only then. */
function sleptTime(): Clock & { signal: AbortSignal } {
  const ending = new AbortController();
  const sleepers: { at: number; wake(): void }[] = [];
  let now = 0;
  const pass = () => {
    sleepers.sort((one, other) => one.at - other.at);
    const next = sleepers.shift();
    if (!next) return;
    now = Math.max(now, next.at);
    if (now >= OUTAGE_MS) ending.abort();
    next.wake();
  };
  return {
    signal: ending.signal,
    now: () => now,
    sleep: (ms) =>
      new Promise((wake) => {
        sleepers.push({ at: now + ms, wake });
        // Whoever else wants to sleep does so first.
        setImmediate(pass);
      }),
  };
}

function usedMemory(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

function refusing(asked: Record<'desired' | 'report' | 'questions', number>): ControlPlane {
  const refuse = (what: keyof typeof asked) => () => {
    asked[what] += 1;
    return Promise.reject(new Error('connect ECONNREFUSED'));
  };
  return {
    desired: refuse('desired'),
    report: refuse('report'),
    questions: refuse('questions'),
  } as unknown as ControlPlane;
}

test('days without a control plane are some requests a minute, and cost no memory', async () => {
  const clock = sleptTime();
  const asked = { desired: 0, report: 0, questions: 0 };
  const controlPlane = refusing(asked);
  const contact = createContact({ clock, random: Math.random });
  const follower = createFollower({
    caller: contact.caller(),
    logger,
    controlPlane,
    take: async () => undefined,
    releasing: () => undefined,
    onTurn: () => undefined,
  });
  const reporter = createReporter({
    clock,
    caller: contact.caller(),
    logger,
    controlPlane,
    about: () => ({
      agentVersion: '1',
      haproxyVersion: null,
      layout: { directory: '', socketDirectory: '', lowPortOffset: 0, ipv6: false },
      hostAddresses: [],
    }),
    ids: () => ['lb_1'],
    newsOf: (id) => ({ id, observedRevision: 1, backends: [] }),
  });
  reporter.all();
  const before = usedMemory();
  await Promise.all([
    follower.run(clock.signal),
    reporter.run(clock.signal),
    answerQuestions(
      {
        clock,
        caller: contact.caller(),
        logger,
        controlPlane,
        fault: () => undefined,
        answer: () => undefined,
      },
      clock.signal,
    ),
  ]);
  for (const count of Object.values(asked)) {
    expect(count).toBeGreaterThan(OUTAGE_MS / 15_000);
    expect(count).toBeLessThan(OUTAGE_MS / 7_500);
  }
  // A hundred bytes for each of them would come to more.
  expect(usedMemory() - before).toBeLessThan(4e6);
});

test('while it may only be starting anew it is asked every two seconds or sooner', async () => {
  let now = 0;
  const pauses: number[] = [];
  const clock: Clock = {
    now: () => now,
    async sleep(ms) {
      pauses.push(ms);
      now += ms;
    },
  };
  const caller = createContact({ clock, random: Math.random }).caller();
  const never = new AbortController().signal;
  while (now <= 60_000) await caller.failed(never);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(2000);
  await caller.failed(never);
  expect(pauses.at(-1)).toBeGreaterThanOrEqual(7500);
});

test('when it is back, three hundred agents come one after another, and each wakes the rest of itself', async () => {
  const never = new AbortController().signal;
  const returns = Array.from({ length: 300 }, async () => {
    let now = 0;
    const clock: Clock = { now: () => now, sleep: async (ms) => void (now += ms) };
    const caller = createContact({ clock, random: Math.random }).caller();
    while (now < 300_000) await caller.failed(never);
    return now - 300_000;
  });
  const seconds = (await Promise.all(returns)).map((ms) => Math.floor(ms / 1000));
  expect(Math.max(...seconds)).toBeLessThanOrEqual(15);
  const busiest = Math.max(
    ...[...Map.groupBy(seconds, (second) => second).values()].map(({ length }) => length),
  );
  expect(busiest).toBeLessThan(75);

  const real: Clock = {
    now: () => 0,
    sleep: (_, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve())),
  };
  const contact = createContact({ clock: real, random: Math.random });
  const [follower, reporter] = [contact.caller(), contact.caller()];
  const waiting = reporter.failed(never);
  follower.answered();
  await waiting;
});
