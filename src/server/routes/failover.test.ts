import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ControlPlane, createWebLb, startControlPlane } from '../../../test/support/control-plane.ts';
import type { AnswerBody, Questions } from '../../api/agent-questions.ts';
import { findMachine, insertMachine } from '../../store/machines.ts';
import { insertNode, nodesOf, saveNodeReport } from '../../store/nodes.ts';
import { openStore } from '../../store/open.ts';

let plane: ControlPlane;
let lbId: string;
beforeEach(async () => {
  plane = await startControlPlane();
  await plane.server.listen();
  lbId = (await createWebLb(plane)).id;
});
afterEach(() => plane.stop());

const failOver = () => plane.call('POST', '/v1/load-balancers/web-lb/failover');

const SECOND = 'am_test_key_of_the_second_agent_0123456789abcd';

/** A second machine; its agent answers when a test does so for it. */
async function addNode(): Promise<void> {
  const store = await openStore(plane.dataDir);
  await store.transaction(async (tx) => {
    const tokenHash = createHash('sha256').update(SECOND).digest('hex');
    const local = await findMachine(tx, 'local');
    if (!local) throw new Error('there is no local machine');
    await insertMachine(tx, { ...local, id: 'machine_2', name: 'lb-2', tokenHash });
    await insertNode(tx, { loadBalancerId: lbId, machineId: 'machine_2', position: 2 });
  });
  await store.close();
}

/** The agent of a machine is told to expect it, and answers what is asked then. */
async function answer(body: AnswerBody, key = plane.agentToken): Promise<void> {
  await answerOne('expect', { kind: 'expect' }, key);
  await answerOne('failover', body, key);
}

async function answerOne(kind: string, body: AnswerBody, key: string): Promise<void> {
  const asked = await plane.call('GET', '/v1/agent/questions?wait=5', { key });
  const [question] = (asked.body as Questions).questions;
  expect(question?.body).toEqual({ kind });
  const answers = [{ id: question?.id, body }];
  await plane.call('POST', '/v1/agent/answers', { key, body: { answers } });
}

test('with one node there is nobody to take over', async () => {
  const { status, body } = await failOver();
  expect(status).toBe(409);
  expect(body).toMatchObject({ code: 'nobody_to_take_over', hint: expect.stringContaining('--nodes 2') });
});

test('the node that has the addresses gives them away, though the other one does not answer', async () => {
  await addNode();
  const [{ status, body }] = await Promise.all([failOver(), answer({ kind: 'failover', node: 'lb-1' })]);
  expect([status, body]).toEqual([200, { from: 'lb-1' }]);
});

test('they stay where they are when no other node can take them', async () => {
  await addNode();
  const store = await openStore(plane.dataDir);
  await store.transaction(async (tx) => {
    const nodes = await nodesOf(tx, [lbId]);
    for (const node of nodes) {
      const isSecond = node.machineId === 'machine_2';
      const since = new Date(0).toISOString();
      await saveNodeReport(tx, {
        ...node,
        role: isSecond ? { role: 'fault', since, reason: 'HAProxy has ended' } : { role: 'active', since },
      });
    }
  });
  await store.close();
  const { status, body } = await failOver();
  expect(status).toBe(409);
  expect(body).toMatchObject({
    code: 'nobody_to_take_over',
    detail: expect.stringContaining('HAProxy has ended'),
  });
});

test('that no node has them is said', async () => {
  await addNode();
  const detail = 'lb-1 has no floating address of it to give away';
  const refusal: AnswerBody = { kind: 'refused', reason: 'failed', detail };
  const [{ status, body }] = await Promise.all([failOver(), answer(refusal), answer(refusal, SECOND)]);
  expect(status).toBe(503);
  expect(body).toMatchObject({ code: 'agent_unavailable', detail: expect.stringContaining(detail) });
});
