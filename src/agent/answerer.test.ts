import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ControlPlane, createWebLb, startControlPlane } from '../../test/support/control-plane.ts';
import { waitFor } from '../../test/support/wait.ts';
import type { AnswerBody, QuestionBody } from '../api/agent-questions.ts';
import { systemClock } from '../base/clock.ts';
import { answerQuestions } from './answerer.ts';
import { createContact } from './contact.ts';
import { createControlPlane } from './control-plane.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const WORKERS: AnswerBody = { kind: 'workers', old: [] };

let plane: ControlPlane;
let url: string;
let ending: AbortController;
let running: Promise<void>;
beforeEach(async () => {
  plane = await startControlPlane();
  url = await plane.server.listen();
  await createWebLb(plane);
  ending = new AbortController();
});
afterEach(async () => {
  ending.abort();
  await running;
  await plane.stop();
});

function start(
  answer: (id: string, question: QuestionBody) => Promise<AnswerBody> | undefined,
  fault: () => string | undefined = () => undefined,
): void {
  const controlPlane = createControlPlane({ url, tokenFile: join(plane.dataDir, 'agent', 'token') });
  const caller = createContact({ clock: systemClock, random: Math.random }).caller();
  running = answerQuestions(
    { clock: systemClock, caller, logger: silent, controlPlane, fault, answer },
    ending.signal,
  );
}

const ask = async (body: unknown = { kind: 'workers' }, timeoutMs = 3000) => {
  const { questions, store } = plane.server.context;
  const [machine] = await store.transaction(async (tx) =>
    (await import('../store/machines.ts')).listMachines(tx),
  );
  return questions.ask(machine?.id ?? '', {
    loadBalancerId: 'lb_1',
    body: body as QuestionBody,
    timeoutMs,
    signal: new AbortController().signal,
  });
};

test('a question is answered in tens of milliseconds, several at once', async () => {
  start(async () => WORKERS);
  expect(await ask()).toEqual(WORKERS);
  const begun = performance.now();
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([WORKERS, WORKERS, WORKERS]);
  expect(performance.now() - begun).toBeLessThan(500);
});

test('one that takes long does not hold up the others, and gets an answer in time', async () => {
  start((_id, question) => (question.kind === 'stats' ? new Promise(() => {}) : Promise.resolve(WORKERS)));
  const slow = ask({ kind: 'stats' }, 300);
  expect(await ask()).toEqual(WORKERS);
  // Either side may be first to see that the time is over.
  expect((await slow)?.kind ?? 'refused').toBe('refused');
});

test('what cannot be answered is told with its reason', async () => {
  start((id) => (id === 'lb_1' ? Promise.reject(new Error('HAProxy has gone')) : undefined));
  expect(await ask()).toEqual({ kind: 'refused', reason: 'failed', detail: 'HAProxy has gone' });
  expect(await ask({ kind: 'of-tomorrow' })).toMatchObject({ kind: 'refused', reason: 'unknown' });
});

test('a control plane that is not obeyed is not answered', async () => {
  start(
    async () => WORKERS,
    () => 'it is another one',
  );
  expect(await ask()).toEqual({ kind: 'refused', reason: 'failed', detail: 'it is another one' });
});

test('an agent that was cut off goes on answering', async () => {
  start(async () => WORKERS);
  expect(await ask()).toEqual(WORKERS);
  plane.app.server.closeAllConnections();
  await waitFor('an answer', async () => (await ask(undefined, 200))?.kind === 'workers');
});
