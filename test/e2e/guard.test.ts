import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadBalancer, Revision } from '../../src/api/load-balancer.ts';
import { type TestBackend, startBackend } from '../support/backends.ts';
import { startLoad } from '../support/load.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitFor } from '../support/wait.ts';

let product: Product;
let good: TestBackend;
let failing: TestBackend;

beforeAll(async () => {
  product = await startProduct();
  good = await startBackend({ name: 'good', healthPath: '/health' });
  failing = await startBackend({
    name: 'failing',
    handle: (_request, response) => void response.writeHead(500).end('no'),
  });
});
afterAll(async () => {
  await product?.stop();
  await good?.stop();
  await failing?.stop();
});

const CHECK = { path: '/health', interval: '500ms', timeout: '400ms', fall: 2 };

/** A load balancer that serves `good`, with a pool at hand whose backend passes its check and answers 500. */
function document(name: string, spec: object = {}): string {
  const pools = { canary: { backends: [{ target: failing.target }], healthCheck: CHECK } };
  const base = { type: 'http', backends: [{ target: good.target }], healthCheck: CHECK, pools };
  return JSON.stringify({ name, spec: { ...base, ...spec } });
}

const TO_CANARY = { routes: [{ name: 'canary', match: { pathPrefix: '/' }, pool: 'canary' }] };

/** Makes a load balancer that serves, with traffic on it until `end`. */
async function serving(name: string) {
  expect(await product.sh('agentmetal lb apply -f -', document(name))).toMatchObject({ code: 0 });
  const { status } = await product.loadBalancer(name);
  const url = `http://${status.addresses[0] ?? ''}/`;
  return { name, url, ...startTraffic(url) };
}

function startTraffic(url: string): { end(): Promise<unknown> } {
  const load = startLoad(url, 2);
  return { end: () => load.stop() };
}

const revision = async (name: string, number: number) =>
  (
    await product.client.request<Revision>({
      method: 'GET',
      path: `/v1/load-balancers/${name}/revisions/${number}`,
    })
  ).body;

const guardCondition = ({ status }: LoadBalancer) =>
  status.conditions.find(({ type }) => type.startsWith('Guard'))?.type;

describe('a guarded change', () => {
  it('that sends clients to a failing pool is taken back by itself, and says why', async () => {
    const { name, url, end } = await serving('to-canary');
    const { code, stdout, stderr } = await product.sh(
      'agentmetal lb apply -f - --guard 30s',
      document(name, TO_CANARY),
    );
    expect(stderr).toMatch(
      /Error: restored revision 1 \(as revision 3\) because the share of 5xx answers rose from 0\.0 % to \d+\.\d % \(\d+ of \d+ requests\) \(guard_restored\)/,
    );
    expect(code).toBe(1);
    expect(stdout).toContain('Load balancer to-canary restored, revision 3');
    await waitFor('the old answer', async () => (await fetch(url)).status === 200);
    await end();
    expect(await revision(name, 2)).toMatchObject({ guard: { state: 'restored', restoredBy: 3 } });
    expect(await revision(name, 3)).toMatchObject({
      action: 'restore',
      restoredFrom: 1,
      author: 'guard',
      reason: expect.stringContaining('revision 2 made it worse: the share of 5xx answers rose'),
    });
    expect(guardCondition(await product.loadBalancer(name))).toBe('GuardRestored');
    expect((await product.sh(`agentmetal lb revisions ${name}`)).stdout).toMatch(/^3 +restore 1 +guard /m);
  });

  it('that is good is kept', async () => {
    const { name, end } = await serving('kept');
    const { code, stderr } = await product.sh(`agentmetal lb algorithm set ${name} leastconn --guard 5s`);
    await end();
    expect(stderr).toMatch(
      /guarding revision 2 for 5s\n\d s left: 0\.0 % of \d+ requests failed|\d s left: no requests/,
    );
    expect(stderr).toMatch(/revision 2 is kept: nothing got worse in 5s: 0\.0 % of \d+ requests failed/);
    expect(code).toBe(0);
    const lb = await product.loadBalancer(name);
    expect(lb).toMatchObject({ revision: 2, spec: { algorithm: 'leastconn' } });
    expect(guardCondition(lb)).toBeUndefined();
  });

  it('that checks a path which is not there is taken back, without any traffic', async () => {
    const { name, url, end } = await serving('wrong-path');
    await end();
    const { code, stderr } = await product.sh(
      `agentmetal lb health-check set ${name} http:/wrong:500ms --guard 30s`,
    );
    expect(stderr).toContain('because no backend of pool default is healthy any more');
    expect(stderr).toContain('404');
    expect(code).toBe(1);
    expect(await product.loadBalancer(name)).toMatchObject({
      revision: 3,
      spec: { healthCheck: { path: '/health' } },
    });
    await waitFor('the backend to be back', async () => (await fetch(url)).status === 200);
  });

  it('is taken back although agent and control plane are killed meanwhile', async () => {
    const { name, url, end } = await serving('killed');
    await end();
    await product.client.request({
      method: 'PUT',
      path: `/v1/load-balancers/${name}`,
      body: JSON.parse(document(name, TO_CANARY)),
      query: { guard: '1m' },
      headers: { prefer: 'wait=20' },
    });
    expect(guardCondition(await product.loadBalancer(name))).toBe('Guarded');
    const pids = await product.pids();
    for (const pid of [pids.agent, pids.server]) process.kill(pid, 'SIGKILL');
    const traffic = startTraffic(url);
    const restored = await waitFor(
      'the restore',
      async () => {
        const lb = await product.loadBalancer(name);
        return lb.revision === 3 && lb;
      },
      40_000,
    );
    await traffic.end();
    expect(guardCondition(restored)).toBe('GuardRestored');
    expect(await revision(name, 3)).toMatchObject({ author: 'guard' });
  });
});
