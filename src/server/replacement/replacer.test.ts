import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  PRODUCT_PAGE_BODY,
  adjustableClock,
  inject,
  receiptFor,
} from '../../../test/support/control-plane.ts';
import { type Fleet, type PlayedMachine, startFleet } from '../../../test/support/fleet.ts';
import { waitFor } from '../../../test/support/wait.ts';
import type { Question } from '../../api/agent-questions.ts';
import { type Replacer, createReplacer } from './replacer.ts';

let clock: ReturnType<typeof adjustableClock>;
let fleet: Fleet;
let replacer: Replacer;
/** Machines whose agents are silent. */
let silent: Map<string, PlayedMachine>;
/** What witnesses say of every port that they are asked about. */
let seenPort: number | null;
let over: AbortController;
let witnesses: Promise<void>[];

beforeEach(async () => {
  clock = adjustableClock();
  fleet = await startFleet({ clock });
  silent = new Map();
  seenPort = null;
  over = new AbortController();
  witnesses = [];
  const spec = { cidrs: ['10.0.0.0/16'], floatingAddresses: ['10.0.9.1'] };
  await fleet.call('POST', '/v1/vpcs', { body: { name: 'prod', spec } });
  for (const [index, name] of ['lb-1', 'lb-2', 'lb-3', 'lb-4'].entries())
    await add(name, `10.0.0.${index + 5}`);
  await fleet.call('POST', '/v1/load-balancers', {
    body: { name: 'web-lb', spec: { ...PRODUCT_PAGE_BODY.spec, tls: undefined, backends: [], nodes: 2 } },
  });
  await untilOn(['lb-1', 'lb-2']);
  replacer = createReplacer(fleet.plane.server.context, async () => undefined);
});
afterEach(async () => {
  over.abort();
  await fleet.stop();
  await Promise.all(witnesses);
});

async function add(name: string, address: string): Promise<void> {
  const { token } = await fleet.ready(name, address, { vpc: 'prod' });
  witnesses.push(answerQuestions(name, token));
}

/** The part of an agent that looks at other machines. */
async function answerQuestions(name: string, key: string): Promise<void> {
  while (!over.signal.aborted) {
    const { body } = await inject(fleet.plane.app, 'GET', '/v1/agent/questions?wait=1', { key });
    const questions = (body?.questions ?? []) as Question[];
    if (silent.has(name)) continue;
    const answers = questions.map(({ id }) => ({ id, body: { kind: 'reach', port: seenPort } }));
    if (answers.length > 0)
      await inject(fleet.plane.app, 'POST', '/v1/agent/answers', { key, body: { answers } });
  }
}

const PATH = '/v1/load-balancers/web-lb';
const show = async () => (await fleet.call('GET', PATH)).body;
const nodes = async (): Promise<string[]> =>
  (await show()).status.nodes.map(({ machine }: { machine: string }) => machine);
const untilOn = (names: string[]) =>
  waitFor(`nodes ${names.join(', ')}`, async () => {
    await fleet.work();
    return JSON.stringify(await nodes()) === JSON.stringify(names);
  });
const events = async (type: string): Promise<string[]> =>
  (await fleet.call('GET', `/v1/events?type=${type}`)).body.items.map(
    ({ message }: { message: string }) => message,
  );
const condition = async () =>
  (await show()).status.conditions.find(({ type }: { type: string }) => type === 'NodeLost');

function fallSilent(name: string): void {
  const machine = fleet.machines.get(name);
  if (!machine) throw new Error(`there is no ${name}`);
  silent.set(name, machine);
  fleet.machines.delete(name);
}

function comeBack(name: string): void {
  const machine = silent.get(name);
  if (!machine) throw new Error(`${name} is not silent`);
  fleet.machines.set(name, { ...machine, version: 0 });
  silent.delete(name);
}

/** Lets time pass, in which those that are not silent report. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 20_000) {
    clock.advance(Math.min(left, 20_000));
    await fleet.work();
    await replacer.look();
  }
}

test('a node that is silent for long is replaced, and the receipt of the one in its place says so', async () => {
  fallSilent('lb-1');
  await pass(280_000);
  expect(await nodes()).toEqual(['lb-1', 'lb-2']);
  expect(await condition()).toBeUndefined();
  await pass(20_000);
  const { id } = await show();
  const machine = await waitFor('the one in its place', async () => (await nodes())[2]);
  expect(machine).toBe('lb-3');
  expect(await nodes()).toEqual(['lb-1', 'lb-2', 'lb-3']);
  expect(await condition()).toMatchObject({
    status: 'true',
    reason: 'Replacing',
    message: expect.stringContaining('lb-3 takes its place'),
  });
  expect(await fleet.show('lb-1')).toMatchObject({
    state: 'offline',
    lost: { state: 'lost', replacedBy: 'lb-3', loadBalancer: 'web-lb' },
  });
  const backends: [] = [];
  await fleet.machines
    .get('lb-3')
    ?.agent.report({ id, observedRevision: 1, receipt: receiptFor(1), backends });
  await untilOn(['lb-2', 'lb-3']);
  const reason = expect.stringMatching(
    /^silent for 5 minutes, and no port of web-lb takes connections there, as seen from lb-2/,
  );
  const receipts = (await fleet.call('GET', `${PATH}/revisions/1`)).body.receipts;
  expect(receipts).toMatchObject([{ machine: 'lb-3', replaces: { machine: 'lb-1', reason } }]);
  expect(await events('node.lost')).toHaveLength(1);
  expect(await events('node.replaced')).toEqual([
    expect.stringMatching(/^node lb-1 of web-lb is replaced by lb-3, because it was silent for 5 minutes/),
  ]);
  expect(await fleet.show('lb-1')).toMatchObject({
    lost: { state: 'replaced', replacedBy: 'lb-3' },
    loadBalancer: null,
  });
});

test('one that comes back after it was replaced is told so, and is free when it has given all up', async () => {
  fallSilent('lb-1');
  await pass(300_000);
  await untilOn(['lb-2', 'lb-3']);
  const former = async () => {
    const [order] = (await fleet.machines.get('lb-2')?.agent.desired())?.changed ?? [];
    return order?.node?.former;
  };
  expect(await former()).toEqual(['10.0.0.5']);
  comeBack('lb-1');
  const machine = fleet.machines.get('lb-1');
  expect((await machine?.agent.desired())?.ids).toEqual([]);
  expect(await former()).toEqual(['10.0.0.5']);
  await waitFor('lb-1 to be free', async () => {
    await fleet.work();
    return (await fleet.show('lb-1')).lost === undefined;
  });
  expect(await former()).toBeUndefined();
  expect(await nodes()).toEqual(['lb-2', 'lb-3']);
  expect(await events('node.removed')).toContain('machine lb-1 came back, has given web-lb up and is free');
});

test('one that comes back before another serves in its place keeps it', async () => {
  fallSilent('lb-1');
  await pass(300_000);
  await waitFor('another node', async () => (await nodes()).length > 2);
  fallSilent('lb-3');
  comeBack('lb-1');
  await untilOn(['lb-1', 'lb-2']);
  expect(await fleet.show('lb-1')).not.toHaveProperty('lost');
  expect(await events('node.replaced')).toEqual([]);
});

test('one that serves on without its agent stays, and the condition says how it is known', async () => {
  seenPort = 8080;
  fallSilent('lb-1');
  await pass(400_000);
  expect(await nodes()).toEqual(['lb-1', 'lb-2']);
  expect(await condition()).toMatchObject({
    status: 'false',
    reason: 'Held',
    message: expect.stringContaining(
      '10.0.0.5:8080 takes connections, as seen from lb-2: its agent alone is gone',
    ),
  });
  expect(await events('node.held')).toHaveLength(1);
  comeBack('lb-1');
  await fleet.work();
  expect(await condition()).toBeUndefined();
});

test('a VPC may have its own time, or none replaced', async () => {
  const set = (replaceAfter: string | null) =>
    fleet.call('PATCH', '/v1/vpcs/prod', { body: { spec: { replaceAfter } } });
  expect((await set('10s')).body.errors).toMatchObject([{ pointer: '/spec/replaceAfter' }]);
  expect((await set('never')).status).toBe(200);
  fallSilent('lb-1');
  await pass(900_000);
  expect(await nodes()).toEqual(['lb-1', 'lb-2']);
  expect(await condition()).toBeUndefined();
  await set('20m');
  await pass(280_000);
  expect(await condition()).toBeUndefined();
  await set(null);
  await pass(20_000);
  await waitFor('the one in its place', async () => (await nodes())[2]);
  expect(await events('node.lost')).toHaveLength(1);
});

test('when many are silent at once none is replaced, and that is said', async () => {
  fallSilent('lb-1');
  fallSilent('lb-4');
  await pass(900_000);
  expect(await nodes()).toEqual(['lb-1', 'lb-2']);
  expect((await condition()).message).toContain('2 of the 4 machines of VPC prod are silent at once');
});

test('a control plane that was away listens anew before it judges', async () => {
  fallSilent('lb-1');
  await pass(240_000);
  // Its host slept: nobody was heard in that time.
  clock.advance(3_600_000);
  await fleet.work();
  await replacer.look();
  await pass(280_000);
  expect(await nodes()).toEqual(['lb-1', 'lb-2']);
  await pass(20_000);
  await waitFor('another node', async () => (await nodes()).length > 2);
});

test('what was being replaced goes on when somebody begins to listen anew', async () => {
  fallSilent('lb-1');
  await pass(300_000);
  await waitFor('another node', async () => (await nodes()).length > 2);
  replacer = createReplacer(fleet.plane.server.context, async () => undefined);
  await pass(20_000);
  await untilOn(['lb-2', 'lb-3']);
  expect(await events('node.replaced')).toHaveLength(1);
});

test('a load balancer with one node gets another one as well', async () => {
  await fleet.call('PATCH', PATH, { body: { spec: { nodes: 1 } } });
  await untilOn(['lb-1']);
  fallSilent('lb-1');
  await pass(300_000);
  await waitFor('another node', async () => (await nodes()).length === 2);
  // The old one is given up only when the new one serves.
  expect((await nodes())[0]).toBe('lb-1');
  await waitFor('the new one alone', async () => {
    await fleet.work();
    const now = await nodes();
    return now.length === 1 && now[0] !== 'lb-1';
  });
});
