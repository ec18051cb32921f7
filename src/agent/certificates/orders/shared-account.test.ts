import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { AcmeAccount } from '../../../api/acme-accounts.ts';
import { ordersOf } from '../../../../test/support/acme/fault-front.ts';
import { createAcmeScene } from '../../../../test/support/acme/scene.ts';
import { waitFor } from '../../../../test/support/wait.ts';
import type { AccountExchange } from './shared-account.ts';

const scene = await createAcmeScene({ records: (address) => [`* A ${address}`] });

/** Keeps what the control plane keeps: the first account, until it is replaced. */
function createExchange(): AccountExchange & { kept: Map<string, AcmeAccount>; isDown: boolean } {
  const kept = new Map<string, AcmeAccount>();
  return {
    kept,
    isDown: false,
    async share(id, { account, replaces }) {
      if (this.isDown) throw new Error('nobody answers');
      const present = kept.get(id);
      if (account && (!present || present.id === replaces)) kept.set(id, account);
      return kept.get(id);
    },
  };
}

describe('the nodes of a load balancer', () => {
  it('use one account, whoever was first, so that each answers for all', async () => {
    const exchange = createExchange();
    const nodes = await Promise.all([1, 2].map(() => scene.agent({ exchange, hasAccount: false })));
    for (const node of nodes) node.want(['both.test'], { nodes: 2 });
    for (const node of nodes)
      await node.until('both.test', 'to be active', ({ state }) => state === 'active');
    const [one, two] = nodes.map(({ orders }) => orders.thumbprint());
    expect(one).toBeDefined();
    expect(two).toBe(one);
    expect(exchange.kept.size).toBe(1);
    const serials = await Promise.all(
      nodes.map(async (node) => (await node.certificate('both.test')).serialNumber),
    );
    expect(new Set(serials).size).toBe(2);
    for (const node of nodes) await node.stop();
  });

  it('wait for the others to answer for it before they ask the CA, but not for one that cannot be reached', async () => {
    const exchange = createExchange();
    const node = await scene.agent({ exchange });
    const behind = await scene.stand();
    const orders = () => ordersOf(scene.front, 'waiting.test');
    node.want(['waiting.test'], { nodes: 3, others: [behind.address, scene.deadAddress] });
    await waitFor('it to be asked again', async () => (await behind.answerer.asked()) > 1);
    expect(node.state('waiting.test').state).toBe('pending');
    expect(orders()).toBe(0);
    await behind.answerer.setThumbprint(node.orders.thumbprint() ?? '');
    await node.until('waiting.test', 'to be active', ({ state }) => state === 'active');
    expect(orders()).toBe(1);
    await node.stop();
  });

  it('take over the account of the first when they had their own, and have it after a restart', async () => {
    const exchange = createExchange();
    const first = await scene.agent({ exchange });
    const second = await scene.agent({ exchange, hasAccount: false });
    first.want(['first.test'], { nodes: 1 });
    await first.until('first.test', 'to be active', ({ state }) => state === 'active');
    second.want(['second.test'], { nodes: 1 });
    await second.until('second.test', 'to be active', ({ state }) => state === 'active');
    const [mine, others] = [first.orders.thumbprint(), second.orders.thumbprint()];
    expect(others).not.toBe(mine);

    first.want(['first.test'], { nodes: 2 });
    await waitFor('it to be told', () => exchange.kept.size > 0);
    // The control plane is away, and is asked again when the second is told the next time.
    exchange.isDown = true;
    second.want(['second.test'], { nodes: 2 });
    expect(second.orders.thumbprint()).toBe(others);
    exchange.isDown = false;
    await waitFor('the account of the first', () => {
      second.want(['second.test'], { nodes: 2 });
      return second.orders.thumbprint() === mine;
    });
    second.orders.renewNow('lb_test');
    const before = (await second.certificate('second.test')).serialNumber;
    await waitFor('a renewal', async () => (await second.certificate('second.test')).serialNumber !== before);
    await second.stop();
    const again = await scene.agent({ exchange, root: second.root });
    expect(again.orders.thumbprint()).toBe(mine);
    for (const node of [first, again]) await node.stop();
  });

  it('leave nothing of it to the load balancer that has the machine next', async () => {
    const exchange = createExchange();
    const node = await scene.agent({ exchange, hasAccount: false });
    node.want(['mine.test'], { nodes: 2 });
    await node.until('mine.test', 'to be active', ({ state }) => state === 'active');
    const mine = node.orders.thumbprint();
    await node.orders.leave('lb_test');
    expect(node.orders.thumbprint()).toBeUndefined();
    const left = await readdir(node.root, { recursive: true });
    expect(left.filter((name) => name.endsWith('private_key.json'))).toEqual([]);
    exchange.kept.clear();
    node.want(['other.test'], { nodes: 2 });
    await node.until('other.test', 'to be active', ({ state }) => state === 'active');
    expect(node.orders.thumbprint()).not.toBe(mine);
    expect(exchange.kept.size).toBe(1);
    await node.stop();
  });
});
