import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../../test/support/control-plane.ts';
import type { BackendEvidence } from '../../api/evidence.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.stop());

const AT = '2026-11-23T05:00:00.000Z';
const EVIDENCE: BackendEvidence = {
  check: 'GET /health over http must get status 200-399, at 10.0.0.1:80',
  result: { at: AT, status: 'L7STS', code: '500', description: 'Internal Server Error', durationMs: 3 },
  probe: {
    at: AT,
    durationMs: 4,
    address: '10.0.0.1',
    port: 80,
    passed: false,
    outcome: 'status 500, expected 200-399',
    sent: 'GET /health HTTP/1.1\\r\\n',
    received: 'HTTP/1.1 500 Internal Server Error\\r\\n\\r\\ndisk full',
  },
  transitions: [{ at: AT, state: 'down', reason: 'status 500' }],
};

async function create(name: string): Promise<string> {
  const backends = [{ target: '10.0.0.1:80' }, { target: '10.0.0.2:80' }];
  const { body } = await plane.call('POST', '/v1/load-balancers', {
    body: {
      name,
      spec: { type: 'http', backends, pools: { api: { backends: [{ target: '10.0.0.1:80' }] } } },
    },
  });
  return body.id as string;
}

function seen(target: string, state: 'up' | 'down', evidence?: BackendEvidence) {
  return {
    target,
    pool: 'default',
    state,
    reason: state === 'up' ? 'check passed' : 'status 500',
    since: AT,
    ...(evidence ? { evidence } : {}),
  };
}

test('why a backend is down comes with what the agent has told of it', async () => {
  const id = await create('why-lb');
  const backends = [seen('10.0.0.1:80', 'down', EVIDENCE), seen('10.0.0.2:80', 'up')];
  expect((await plane.agent.report({ id, observedRevision: 1, backends })).status).toBe(204);
  const why = await plane.call('GET', '/v1/load-balancers/why-lb/backends/10.0.0.1:80/why');
  expect(why).toMatchObject({
    status: 200,
    body: {
      target: '10.0.0.1:80',
      pool: 'default',
      nodes: [{ machine: 'local', state: 'down', reason: 'status 500', evidence: EVIDENCE }],
    },
  });
  const well = await plane.call('GET', `/v1/load-balancers/${id}/backends/10.0.0.2:80/why`);
  expect(well.body.nodes[0].state).toBe('up');
  expect(well.body.nodes[0]).not.toHaveProperty('evidence');
  const other = await plane.call('GET', '/v1/load-balancers/why-lb/backends/10.0.0.1:80/why?pool=api');
  expect(other.body).toMatchObject({ pool: 'api', nodes: [{ state: 'checking' }] });
});

test('other answers are not burdened with it', async () => {
  for (const path of ['', '/health', '/backends', '/backends/10.0.0.1:80']) {
    const { status, text } = await plane.call('GET', `/v1/load-balancers/why-lb${path}`);
    expect(status).toBe(200);
    expect(text).not.toContain('evidence');
  }
});

test.each([
  ['/v1/load-balancers/none/backends/10.0.0.1:80/why', 404],
  ['/v1/load-balancers/why-lb/backends/10.0.0.9:80/why', 404],
  ['/v1/load-balancers/why-lb/backends/10.0.0.1:80/why?pool=none', 404],
  ['/v1/load-balancers/why-lb/backends/nonsense/why', 404],
])('%s is answered with %i and a hint', async (path, status) => {
  const answer = await plane.call('GET', path);
  expect(answer.status).toBe(status);
  expect(answer.body.hint).toBeTruthy();
});

test('a report whose evidence is larger than agreed is refused', async () => {
  const id = await create('large-lb');
  const large = { ...EVIDENCE, check: 'x'.repeat(2000) };
  const { status } = await plane.agent.report({
    id,
    observedRevision: 1,
    backends: [seen('10.0.0.1:80', 'down', large)],
  });
  expect(status).toBe(422);
});
