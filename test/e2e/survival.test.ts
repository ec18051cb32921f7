import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../support/backends.ts';
import { startLoad } from '../support/load.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitFor } from '../support/wait.ts';

let product: Product;
let url: string;
const backends: TestBackend[] = [];

beforeAll(async () => {
  product = await startProduct();
  for (const name of ['one', 'two']) backends.push(await startBackend({ name }));
  const targets = backends.map(({ target }) => `--target ${target}`).join(' ');
  const created = await product.sh(
    `agentmetal lb create web --type http ${targets} --health-check http:/health:1s`,
  );
  expect(created).toMatchObject({ code: 0 });
  url = `http://${(await product.loadBalancer('web')).status.addresses[0]}/`;
});
afterAll(async () => {
  await product?.stop();
  for (const backend of backends) await backend.stop();
});

const haproxy = async () => (await product.loadBalancer('web')).status.nodes[0]?.haproxy;

describe('killed with no warning, under load', () => {
  it('the agent: no request fails, the same HAProxy goes on, and changes go on', async () => {
    const before = await haproxy();
    const load = startLoad(url);
    const { agent } = await product.pids();
    process.kill(agent, 'SIGKILL');
    await waitFor('another agent', async () => ![0, agent].includes((await product.pids()).agent));
    const changed = await product.sh(`agentmetal lb backend set web ${backends[0]?.target} --weight 2`);
    expect(changed).toMatchObject({ code: 0 });
    const { failed, faults, ok } = await load.stop();
    expect({ failed, faults, isBusy: ok > 200 }).toEqual({ failed: 0, faults: [], isBusy: true });
    expect(await haproxy()).toMatchObject({ pid: before?.pid, workerPid: before?.workerPid });
  });

  it('the control plane: no request fails, and everything acknowledged is still there', async () => {
    const load = startLoad(url);
    const acknowledged: number[] = [];
    const { server } = await product.pids();
    const writer = (async () => {
      for (let weight = 1; weight <= 60; weight++) {
        const answer = await product.client
          .request({
            method: 'PATCH',
            path: `/v1/load-balancers/web/backends/${backends[1]?.target}`,
            body: { weight },
          })
          .catch(() => undefined);
        if (answer) acknowledged.push(weight);
        if (weight === 30) process.kill(server, 'SIGKILL');
      }
    })();
    await writer;
    await waitFor('another control plane', async () => ![0, server].includes((await product.pids()).server));
    const seen = await waitFor('an answer', () => product.loadBalancer('web').catch(() => undefined));
    const { failed, faults, ok } = await load.stop();
    expect({ failed, faults, isBusy: ok > 200 }).toEqual({ failed: 0, faults: [], isBusy: true });
    expect(acknowledged.length).toBeGreaterThan(20);
    // A write whose answer was lost may be there too, so the last one is at least the last acknowledged.
    expect(seen.spec.backends[1]?.weight).toBeGreaterThanOrEqual(acknowledged.at(-1) ?? 0);
    await waitFor(
      'the agent to be back',
      async () => {
        const { status, revision } = await product.loadBalancer('web');
        return status.observedRevision === revision && status.nodes[0]?.connected;
      },
      30_000,
    );
  });

  // How long it takes is measured by the benchmark `recovery`.
  it.each(['workerPid', 'pid'] as const)('HAProxy (%s): another one answers', async (which) => {
    const before = await haproxy();
    process.kill(before?.[which] ?? 0, 'SIGKILL');
    await waitFor('another worker', async () => {
      const now = await haproxy();
      return now && now.pid !== before?.pid && now.workerPid !== before?.workerPid;
    });
    await waitFor('an answer', answers);
  });

  it('up itself: its parts end, HAProxy serves, and the next up finds all as it was', async () => {
    const before = await product.loadBalancer('web');
    const { server, agent } = await product.pids();
    const load = startLoad(url);
    await product.restart('SIGKILL');
    await waitFor('the old parts to end', async () => {
      const now = await product.pids();
      return now.server !== server && now.agent !== agent;
    });
    const after = await waitFor('the agent', async () => {
      const seen = await product.loadBalancer('web');
      return seen.status.nodes[0]?.connected && seen.status.nodes[0].haproxy ? seen : undefined;
    });
    expect((await load.stop()).failed).toBe(0);
    expect(after.spec).toEqual(before.spec);
    const { status } = await waitFor('the state as it was', async () => {
      const seen = await product.loadBalancer('web');
      return seen.status.state === 'active' && seen;
    });
    expect(status.backends.map(({ state }) => state)).toEqual(['up', 'up']);
    expect(after.status.nodes[0]?.haproxy).toMatchObject({ pid: before.status.nodes[0]?.haproxy?.pid });
  });

  it('with its database lost: the load balancers serve on, and a new one is told why it is not served', async () => {
    const other = await startProduct();
    try {
      await other.sh(`agentmetal lb create web --type http --target ${backends[0]?.target}`);
      const address = (await other.loadBalancer('web')).status.addresses[0];
      await other.end();
      await rm(join(other.dataDir, 'agentmetal.db'));
      await other.restart();
      expect(await (await fetch(`http://${address}/`)).text()).toBe('one');
      const created = await other.sh('agentmetal lb create fresh --type tcp --port 4000 --timeout 1s');
      expect(created.code).not.toBe(0);
      const refusal = await waitFor('the agent to refuse', async () => {
        const { conditions } = (await other.loadBalancer('fresh')).status;
        return conditions.find(({ type, reason }) => type === 'AgentConnected' && reason === 'Refusing');
      });
      expect(refusal).toMatchObject({
        status: 'false',
        message: expect.stringContaining('remove the file control-plane-id'),
      });
    } finally {
      await other.stop();
    }
  });

  it('with no control plane at all: HAProxy is restarted and backends come and go', async () => {
    const before = await haproxy();
    const { up, server } = await product.pids();
    // Stopped, the supervisor starts nothing again.
    process.kill(up, 'SIGSTOP');
    process.kill(server, 'SIGKILL');
    try {
      process.kill(before?.pid ?? 0, 'SIGKILL');
      process.kill(before?.workerPid ?? 0, 'SIGKILL');
      await waitFor('an answer', answers);
    } finally {
      process.kill(up, 'SIGCONT');
    }
    await waitFor('the control plane', () => product.loadBalancer('web').catch(() => undefined));
  });
});

async function answers(): Promise<boolean> {
  const answer = await fetch(url, { headers: { connection: 'close' } }).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}
