import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, HAPROXY, KEEPALIVED, createCluster } from '../support/floating/cluster.ts';
import { FAULTS, type Fault } from '../support/floating/faults.ts';
import type { HammerResult } from '../support/floating/hammer.ts';
import { PUBLIC, VPC } from '../support/floating/network.ts';
import { waitFor } from '../support/wait.ts';

const isRoot = process.getuid?.() === 0;

/** Bounds for a machine that is busy with other tests; `npm run bench failover` measures. */
const MAX_FAILED = 150;
const MAX_GAP_MS = 2500;
const LONG_MS = 120_000;

describe.runIf(isRoot)('three nodes with an address each', () => {
  let cluster: Cluster;
  const addresses = [PUBLIC.floating, ...PUBLIC.spread];

  beforeAll(async () => {
    cluster = await createCluster(3, {}, { isSpread: true });
  }, LONG_MS);
  afterAll(() => cluster?.end());

  const heldAlone = async () =>
    (await cluster.holders()).map((nodes) => (nodes.length === 1 ? nodes[0] : -1));
  const oneEach = () =>
    waitFor('each address at one node', async () => !(await heldAlone()).includes(-1), 30_000);
  const expectBounded = ({ failed, longestGapMs }: HammerResult) => {
    expect(failed).toBeLessThan(MAX_FAILED);
    expect(longestGapMs).toBeLessThan(MAX_GAP_MS);
  };

  it(
    'serve all at once',
    async () => {
      await cluster.allAtHome();
      const result = await cluster.during(() =>
        waitFor('requests', async () => (await cluster.ask(PUBLIC.client)) !== undefined),
      );
      expect(result.failed).toBe(0);
      for (const index of [0, 1, 2])
        expect(cluster.report(index)?.node).toMatchObject({
          role: 'active',
          addresses: [addresses[index]],
          isLastResort: false,
        });
    },
    LONG_MS,
  );

  it.each<{ name: string; fault: Fault; victim: number }>([
    { name: FAULTS.haproxyKilled.name, fault: FAULTS.haproxyKilled, victim: 1 },
    { name: FAULTS.machineKilled.name, fault: FAULTS.machineKilled, victim: 2 },
    { name: FAULTS.linkCut.name, fault: FAULTS.linkCut, victim: 0 },
  ])(
    'leave the address of one to another, and it comes home with no request lost: $name',
    async ({ fault, victim }) => {
      await cluster.allAtHome();
      const others = [0, 1, 2].filter((index) => index !== victim);
      const result = await cluster.during(async () => {
        await fault.cause(cluster, victim);
        await waitFor(
          'another node to have the address',
          async () =>
            others.some((other) => cluster.report(other)?.node?.addresses?.length === 2) ||
            (await fault.isMended?.(cluster, victim)),
        );
        await waitFor('an answer', () => cluster.ask(PUBLIC.client, addresses[victim]));
      });
      expectBounded(result);
      // Those of the others stay where they are.
      const holders = await heldAlone();
      for (const other of others) expect(holders[other]).toBe(other);
      await fault.mend?.(cluster, victim);
      await waitFor('it to be back', () =>
        ['standby', 'active'].includes(cluster.report(victim)?.node?.role ?? ''),
      );
      await oneEach();
      const home = await cluster.during(async () => {
        expect(await cluster.bringHome(victim)).toMatchObject({ kind: 'failover' });
        await cluster.spreadOver(0, 1, 2);
      });
      expect(home).toMatchObject({ failed: 0 });
    },
    LONG_MS,
  );

  it(
    'lose nothing when one is asked to step back, which serves again when nobody else is left',
    async () => {
      await cluster.allAtHome();
      const visit = await cluster.visitor();
      /** By which node and connection, whichever backend. */
      const ask = async () => (await visit()).replace(/^\d+/, '');
      const before = await ask();
      expect(before).toContain(`:${VPC.node(0)} by connection 1`);
      const result = await cluster.during(async () => {
        expect(await cluster.failover(0)).toMatchObject({ kind: 'failover', node: 'lb-1' });
        await cluster.spreadOver(1, 1, 2);
      });
      expect(result).toMatchObject({ failed: 0 });
      expect(cluster.report(0)?.node).toMatchObject({ role: 'standby', addresses: [], isLastResort: true });
      // What was under way goes on with it.
      expect(await ask()).toBe(before);
      expect(await cluster.failover(0)).toMatchObject({ kind: 'refused' });
      // The first of its addresses goes to another one that is left, before this one.
      await cluster.crash(1);
      await cluster.spreadOver(2, 2, 2);
      await cluster.crash(2);
      await cluster.spreadOver(0, 0, 0);
      for (const other of [1, 2]) await cluster.boot(other);
      // On a busy machine one of them may have taken an address already.
      await waitFor('the others', () =>
        [1, 2].every((other) => ['active', 'standby'].includes(cluster.report(other)?.node?.role ?? '')),
      );
      expect(await cluster.back(0)).toMatchObject({ kind: 'failover' });
      expect(await cluster.back(0)).toMatchObject({ kind: 'refused' });
      await cluster.allAtHome();
    },
    LONG_MS,
  );

  it(
    'come and go, and nothing is lost',
    async () => {
      await cluster.allAtHome();
      const keepalived = cluster.processes(0, KEEPALIVED);
      const leaving = await cluster.during(async () => {
        await cluster.order({}, [0, 1]);
        await cluster.spreadOver(0, 1, 0);
        await waitFor('no HAProxy', () => cluster.processes(2, HAPROXY).length === 0);
      });
      expect(leaving).toMatchObject({ failed: 0 });
      const coming = await cluster.during(async () => {
        await cluster.order({}, [0, 1, 2]);
        await cluster.allAtHome();
      });
      expect(coming).toMatchObject({ failed: 0 });
      expect(cluster.processes(0, KEEPALIVED)).toEqual(keepalived);
    },
    LONG_MS,
  );

  it(
    'become two and one, and more again; the first address stays, and nothing of it is lost',
    async () => {
      await cluster.allAtHome();
      // The others are asked for by nobody any more.
      await cluster.order({}, [0, 1], 1);
      await waitFor('one address', async () => (await cluster.holders()).flat().length === 1);
      const result = await cluster.during(async () => {
        await cluster.order({}, [0], 1);
        await cluster.spreadOver(0);
        await cluster.order({}, [0, 1], 1);
        await cluster.order({}, [0, 1, 2], 1);
        await cluster.spreadOver(0);
      });
      expect(result).toMatchObject({ failed: 0 });
      await cluster.order({}, [0, 1, 2]);
      await cluster.allAtHome();
    },
    LONG_MS,
  );

  it('leave nothing of it behind when the load balancer goes', async () => {
    await cluster.allAtHome();
    cluster.drop();
    for (const [index, node] of cluster.network.nodes.entries()) {
      await waitFor('no address', async () => {
        const shown = await node.run('ip', 'address', 'show');
        return addresses.every((address) => !shown.includes(address));
      });
      await waitFor('no process', () =>
        [HAPROXY, KEEPALIVED].every((name) => cluster.processes(index, name).length === 0),
      );
      expect(await node.run('nft', 'list', 'ruleset')).not.toContain('agentmetal');
    }
  });
});
