import { afterEach, beforeEach, expect, test } from 'vitest';
import { PRODUCT_PAGE_BODY, adjustableClock, inject } from '../../../test/support/control-plane.ts';
import { type Fleet, startFleet } from '../../../test/support/fleet.ts';
import type { LoadBalancerReport, NodeOrder } from '../../api/agent.ts';
import type { Question } from '../../api/agent-questions.ts';
import { type Spreader, createSpreader } from './spreader.ts';

const PATH = '/v1/load-balancers/web-lb';
const [A, B, C] = ['10.0.9.1', '10.0.9.2', '10.0.9.3'] as const;
const NAMES = ['lb-1', 'lb-2', 'lb-3'] as const;
type Name = (typeof NAMES)[number];

let clock: ReturnType<typeof adjustableClock>;
let fleet: Fleet;
let spreader: Spreader;
/** What the agents were asked, without what only prepares them. */
let asked: { name: string; body: unknown }[];
/** Who was told to expect that addresses move, before each of those. */
let told: string[];
/** Who answers nothing. */
let deaf: string | undefined;
let over: AbortController;
let agents: Promise<void>[];

beforeEach(async () => {
  clock = adjustableClock();
  fleet = await startFleet({ clock });
  [asked, told, agents, deaf] = [[], [], [], undefined];
  over = new AbortController();
  const spec = { cidrs: ['10.0.0.0/16'], floatingAddresses: ['10.0.9.0/29'] };
  await fleet.call('POST', '/v1/vpcs', { body: { name: 'prod', spec } });
  for (const [index, name] of NAMES.entries()) {
    const { token } = await fleet.ready(name, `10.0.0.${index + 5}`, { vpc: 'prod' });
    agents.push(answerQuestions(name, token));
  }
  const balancer = { ...PRODUCT_PAGE_BODY.spec, tls: undefined, backends: [], nodes: 3 };
  await fleet.call('POST', '/v1/load-balancers', { body: { name: 'web-lb', spec: balancer } });
  await fleet.work();
  spreader = createSpreader(fleet.plane.server.context);
});
afterEach(async () => {
  over.abort();
  await fleet.stop();
  await Promise.all(agents);
});

async function answerQuestions(name: string, key: string): Promise<void> {
  while (!over.signal.aborted) {
    const { body } = await inject(fleet.plane.app, 'GET', '/v1/agent/questions?wait=1', { key });
    for (const { id, body: what } of (body?.questions ?? []) as Question[]) {
      if (name === deaf) continue;
      const { kind } = what as { kind: string };
      if (kind === 'expect') told.push(name);
      else asked.push({ name, body: what });
      const answer = kind === 'expect' ? { kind } : { kind, node: name };
      await inject(fleet.plane.app, 'POST', '/v1/agent/answers', {
        key,
        body: { answers: [{ id, body: answer }] },
      });
    }
  }
}

type Node = NonNullable<LoadBalancerReport['node']>;
const since = '2026-11-23T04:00:00.000Z';
const has = (...addresses: string[]): Node => ({
  role: addresses.length > 0 ? 'active' : 'standby',
  since,
  addresses,
  isLastResort: false,
});
/** All agents tell what their nodes have. */
const tell = async (nodes: Partial<Record<Name, Node>>) => {
  const { id, revision } = (await fleet.call('GET', PATH)).body;
  for (const name of NAMES)
    await fleet.machines.get(name)?.agent.report({
      id,
      observedRevision: revision,
      backends: [],
      ...(nodes[name] ? { node: nodes[name] } : {}),
    });
};
const orderOf = async (name: string): Promise<NodeOrder | undefined> =>
  (await fleet.machines.get(name)?.agent.desired())?.changed[0]?.node;
const status = async () => (await fleet.call('GET', PATH)).body.status;
const after = async (ms: number) => {
  clock.advance(ms);
  await spreader.look();
};

test('each node comes first for one address, and another one second', async () => {
  const orders = await Promise.all(NAMES.map(orderOf));
  const priorities = orders.map((order) => [
    order?.priority,
    ...(order?.spread ?? []).map(({ priority }) => priority),
  ]);
  expect(priorities).toEqual([
    [150, 100, 100],
    [100, 150, 99],
    [99, 99, 150],
  ]);
  expect(orders[0]).toMatchObject({
    floatingAddresses: [A],
    spread: [{ address: B }, { address: C }],
  });
  const ids = [orders[0]?.routerId, ...(orders[0]?.spread ?? []).map(({ routerId }) => routerId)];
  expect(new Set(ids).size).toBe(3);
});

test('clients are sent to an address once a node has it', async () => {
  expect((await status()).addresses).toEqual([A]);
  await tell({ 'lb-1': has(A), 'lb-2': has(B, C), 'lb-3': has() });
  await fleet.call('PATCH', PATH, { body: { spec: { algorithm: 'leastconn' } } });
  const { addresses, nodes } = await status();
  expect(addresses).toEqual([A, B, C]);
  expect(nodes.map(({ floating }: { floating: Node }) => floating.addresses)).toEqual([[A], [B, C], []]);
});

test('what the first has taken goes to the others, and all nodes expect it before', async () => {
  await tell({ 'lb-1': has(A, B, C), 'lb-2': has(), 'lb-3': has() });
  await spreader.look();
  expect(asked).toEqual([]);
  await after(6000);
  expect(asked).toEqual([{ name: 'lb-1', body: { kind: 'failover', addresses: [B] } }]);
  expect(told.toSorted()).toEqual([...NAMES]);
  await tell({ 'lb-1': has(A, C), 'lb-2': has(B), 'lb-3': has() });
  await after(3000);
  expect(asked[1]).toEqual({ name: 'lb-1', body: { kind: 'failover', addresses: [C] } });
  await tell({ 'lb-1': has(A), 'lb-2': has(B), 'lb-3': has(C) });
  await after(3000);
  expect(asked).toHaveLength(2);
});

test('nothing goes to a node that is at fault, has given its part up, or is silent', async () => {
  const fault: Node = { ...has(), role: 'fault', reason: 'its HAProxy does not serve' };
  for (const second of [fault, { ...has(), isLastResort: true }]) {
    await tell({ 'lb-1': has(A, B), 'lb-2': second, 'lb-3': has(C) });
    await spreader.look();
    await after(10_000);
  }
  clock.advance(100_000);
  const { id } = (await fleet.call('GET', PATH)).body;
  for (const [name, node] of [
    ['lb-1', has(A, B)],
    ['lb-3', has(C)],
  ] as const)
    await fleet.machines.get(name)?.agent.report({ id, observedRevision: 1, backends: [], node });
  await spreader.look();
  await after(10_000);
  expect(asked).toEqual([]);
});

test('a node that does not know that addresses move holds them up', async () => {
  await tell({ 'lb-1': has(A, B, C), 'lb-2': has(), 'lb-3': has() });
  await spreader.look();
  deaf = 'lb-3';
  await after(6000);
  expect(asked).toEqual([]);
}, 30_000);
