import { afterEach, beforeEach, expect, test } from 'vitest';
import { PRODUCT_PAGE_BODY, adjustableClock, inject } from '../../../test/support/control-plane.ts';
import { type Fleet, startFleet } from '../../../test/support/fleet.ts';
import type { Question } from '../../api/agent-questions.ts';
import { type Leaver, createLeaver } from './leaver.ts';

const PATH = '/v1/load-balancers/web-lb';
const OWN = { 'lb-1': '203.0.113.5', 'lb-2': '203.0.113.6' } as const;
type Name = keyof typeof OWN;

let clock: ReturnType<typeof adjustableClock>;
let fleet: Fleet;
let leaver: Leaver;
/** What witnesses say of every port that they are asked about. */
let seenPort: number | null;
let over: AbortController;
let witness: Promise<void>;

beforeEach(async () => {
  clock = adjustableClock();
  fleet = await startFleet({ clock });
  seenPort = null;
  over = new AbortController();
  await fleet.call('POST', '/v1/vpcs', { body: { name: 'prod', spec: { cidrs: ['10.0.0.0/16'] } } });
  for (const [index, name] of (['lb-1', 'lb-2'] as const).entries())
    await fleet.ready(name, `10.0.0.${index + 5}`, { vpc: 'prod', publicAddress: OWN[name] });
  const spec = { ...PRODUCT_PAGE_BODY.spec, tls: undefined, backends: [], nodes: 2 };
  await fleet.call('POST', '/v1/load-balancers', { body: { name: 'web-lb', spec } });
  await fleet.work();
  leaver = createLeaver(fleet.plane.server.context, async () => undefined);
  witness = answerQuestions(fleet.machines.get('lb-1')?.token ?? '');
  await tell('lb-1', 'lb-2');
});
afterEach(async () => {
  over.abort();
  await fleet.stop();
  await witness;
});

/** The part of an agent that looks at other machines. */
async function answerQuestions(key: string): Promise<void> {
  while (!over.signal.aborted) {
    const { body } = await inject(fleet.plane.app, 'GET', '/v1/agent/questions?wait=1', { key });
    const questions = (body?.questions ?? []) as Question[];
    const answers = questions.map(({ id }) => ({ id, body: { kind: 'reach', port: seenPort } }));
    if (answers.length > 0)
      await inject(fleet.plane.app, 'POST', '/v1/agent/answers', { key, body: { answers } });
  }
}

/** Agents report that HAProxy serves. */
async function tell(...names: Name[]): Promise<void> {
  const { id, revision } = (await fleet.call('GET', PATH)).body;
  const haproxy = { version: '2.6.12', pid: 1, workerPid: 2, startedAt: '2026-11-23T04:00:00.000Z' };
  for (const name of names)
    await fleet.machines.get(name)?.agent.report({ id, observedRevision: revision, backends: [], haproxy });
}
const addresses = async () => (await fleet.call('GET', PATH)).body.status.addresses;
const leftOut = async () =>
  (await fleet.call('GET', PATH)).body.status.conditions.find(
    ({ type }: { type: string }) => type === 'NodeLeftOut',
  );
/** The second is silent for so long that somebody looks at it. */
const fallSilent = async () => {
  clock.advance(31_000);
  await tell('lb-1');
  await leaver.look();
};

test('clients are sent to all nodes while they serve', async () => {
  await leaver.look();
  expect(await addresses()).toEqual(Object.values(OWN));
  expect(await leftOut()).toBeUndefined();
});

test('and not to one that is silent and serves nobody, until it is back', async () => {
  await fallSilent();
  expect(await addresses()).toEqual([OWN['lb-1']]);
  expect((await leftOut()).message).toBe(
    'Clients are not sent to 203.0.113.6, the address of machine lb-2: its agent is silent, and nothing takes connections there, as seen from lb-1. The other nodes serve.',
  );
  await leaver.look();
  expect(await addresses()).toEqual([OWN['lb-1']]);
  await tell('lb-2');
  await leaver.look();
  expect(await addresses()).toEqual(Object.values(OWN));
});

test('one whose agent alone is gone stays', async () => {
  seenPort = 8080;
  await fallSilent();
  expect(await addresses()).toEqual(Object.values(OWN));
});

test('when all are silent, all stay: it is rather the control plane that is cut off', async () => {
  clock.advance(31_000);
  await leaver.look();
  expect(await addresses()).toEqual(Object.values(OWN));
});
