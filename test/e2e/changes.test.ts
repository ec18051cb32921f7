import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DryRun, Health, LoadBalancer, Revision } from '../../src/api/load-balancer.ts';
import { type TestBackend, startBackend } from '../support/backends.ts';
import { hostileBodies } from '../support/hostile.ts';
import { startLoad } from '../support/load.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitFor } from '../support/wait.ts';

let product: Product;
const backends: TestBackend[] = [];

beforeAll(async () => {
  product = await startProduct();
  for (const name of ['one', 'two', 'three']) backends.push(await startBackend({ name }));
});
afterAll(async () => {
  await product?.stop();
  for (const backend of backends) await backend.stop();
});

const target = (index: number) => backends[index]?.target ?? '';

async function create(name: string, spec: Record<string, unknown>): Promise<string> {
  await product.client.request({
    method: 'POST',
    path: '/v1/load-balancers',
    body: { name, spec },
    headers: { prefer: 'wait=20' },
  });
  return waitFor(`${name} to be active`, async () => {
    const { status } = await product.loadBalancer(name);
    return status.state === 'active' ? `http://${status.addresses[0]}/` : undefined;
  });
}

const revision = async (name: string, number: number) =>
  (
    await product.client.request<Revision>({
      method: 'GET',
      path: `/v1/load-balancers/${name}/revisions/${number}`,
    })
  ).body;

async function patch(name: string, spec: Record<string, unknown>, dryRun = false) {
  const { body } = await product.client.request<LoadBalancer & DryRun>({
    method: 'PATCH',
    path: `/v1/load-balancers/${name}`,
    body: { spec },
    query: dryRun ? { dryRun: true } : {},
    headers: { prefer: 'wait=20' },
  });
  return body;
}

describe('a dry run', () => {
  it.each([
    ['another weight', { backends: 'weight' }],
    ['another algorithm', { algorithm: 'leastconn' }],
    ['another health check', { healthCheck: { interval: '2s' } }],
    ['one backend more and one less', { backends: 'swap' }],
    ['nothing on the node', { deletionProtection: true }],
  ])('changes nothing, and its plan is what then happens: %s', async (_, wish) => {
    const name = `dry-${Math.abs(JSON.stringify(wish).length)}-${Object.keys(wish)[0]?.toLowerCase()}`;
    await create(name, {
      type: 'http',
      port: 8080,
      backends: [{ target: target(0) }, { target: target(1) }],
      healthCheck: { path: '/health' },
    });
    const spec =
      'backends' in wish
        ? {
            backends:
              wish.backends === 'weight'
                ? [{ target: target(0), weight: 5 }, { target: target(1) }]
                : [{ target: target(0) }, { target: target(2) }],
          }
        : wish;
    const before = await product.loadBalancer(name);
    const planned = await patch(name, spec, true);
    const untouched = await product.loadBalancer(name);
    expect({ ...untouched, status: 0 }).toEqual({ ...before, status: 0 });
    const changed = await patch(name, spec);
    const made = await revision(name, changed.revision);
    expect(made.plan).toEqual(planned.plan);
    expect(made.receipts[0]).toMatchObject({
      outcome: 'applied',
      path: planned.plan.path,
      steps: planned.plan.steps,
    });
    await product.sh(
      `agentmetal lb update ${name} --no-deletion-protection && agentmetal lb delete ${name} --yes`,
    );
  });
});

describe('a revision restored', () => {
  it('brings back exactly the earlier behaviour', async () => {
    const url = await create('restored', {
      type: 'http',
      backends: [{ target: target(0) }],
      healthCheck: { path: '/health' },
    });
    await patch('restored', {
      backends: [{ target: target(1) }],
      algorithm: 'leastconn',
      healthCheck: { interval: '1s' },
    });
    await waitFor('two', async () => (await text(url)) === 'two');
    const restored = await product.sh('agentmetal lb restore restored 1');
    expect(restored).toMatchObject({ code: 0 });
    expect((await product.loadBalancer('restored')).spec).toEqual((await revision('restored', 1)).spec);
    await waitFor('one', async () => (await text(url)) === 'one');
    for (let i = 0; i < 10; i++) expect(await text(url)).toBe('one');
    expect(await revision('restored', 3)).toMatchObject({ action: 'restore', restoredFrom: 1 });
  });
});

describe('the configuration that is shown', () => {
  it('is the one that HAProxy runs, byte for byte', async () => {
    const { id } = await product.loadBalancer('restored');
    const shown = await product.sh('agentmetal lb config restored');
    const written = await readFile(join(product.dataDir, 'agent/load-balancers', id, 'haproxy.cfg'), 'utf8');
    expect(shown).toEqual({ code: 0, stdout: written, stderr: '' });
  });
});

describe('two deployers', () => {
  it('never undo each other, and no request fails', async () => {
    const url = await create('shared', {
      type: 'http',
      backends: [{ target: target(0) }],
      healthCheck: { path: '/health' },
    });
    const load = startLoad(url, 4);
    const deploy = async (index: number) => {
      for (let round = 0; round < 10; round++) {
        await product.client.request({
          method: 'POST',
          path: '/v1/load-balancers/shared/backends',
          body: { target: target(index) },
        });
        await product.client.request({
          method: 'DELETE',
          path: `/v1/load-balancers/shared/backends/${target(index)}`,
        });
      }
      await product.client.request({
        method: 'POST',
        path: '/v1/load-balancers/shared/backends',
        body: { target: target(index) },
      });
    };
    await Promise.all([deploy(1), deploy(2)]);
    const settled = await waitFor('all up', async () => {
      const { body } = await product.client.request<Health>({
        method: 'GET',
        path: '/v1/load-balancers/shared/health',
      });
      return body.backends.length === 3 && body.backends.every(({ state }) => state === 'up') && body;
    });
    expect(settled.backends.map((backend) => backend.target).toSorted()).toEqual(
      [target(0), target(1), target(2)].toSorted(),
    );
    expect(await load.stop()).toMatchObject({ failed: 0, faults: [] });
  });
});

describe('hostile requests to the API', () => {
  it('are answered with 4xx, a problem and a pointer, and never with 5xx', async () => {
    for (const { name, body } of hostileBodies()) {
      const response = await fetch(`${product.url}/v1/load-balancers`, {
        method: 'POST',
        headers: { authorization: `Bearer ${product.key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const problem = (await response.json()) as { code: string; requestId: string };
      expect({ name, isClientFault: response.status >= 400 && response.status < 500 }).toEqual({
        name,
        isClientFault: true,
      });
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      expect(problem.requestId).toBeTruthy();
    }
  });

  it.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['NUL', '\0'],
    ['a deep nest', '['.repeat(100_000)],
    ['a deep nest that is closed', '['.repeat(50_000) + ']'.repeat(50_000)],
    ['a number beyond numbers', '{"name":"a","spec":{"type":"tcp","port":1e400}}'],
    ['a doubled key', '{"name":"a","name":"B B","spec":{"type":"http"}}'],
    ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ])('even when the body is %s', async (_, body) => {
    const response = await fetch(`${product.url}/v1/load-balancers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${product.key}`, 'content-type': 'application/json' },
      body,
    });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
  });

  it('left nothing behind', async () => {
    const { body } = await product.client.request<{ items: { name: string }[] }>({
      method: 'GET',
      path: '/v1/load-balancers',
    });
    expect(body.items.map(({ name }) => name).toSorted()).toEqual(['restored', 'shared']);
  });
});

async function text(url: string): Promise<string> {
  return (await fetch(url, { headers: { connection: 'close' } })).text();
}
