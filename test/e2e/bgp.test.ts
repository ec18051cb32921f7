import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT, BIRD, type Cluster, HAPROXY, createCluster } from '../support/floating/cluster.ts';
import type { HammerResult } from '../support/floating/hammer.ts';
import { PUBLIC, VPC } from '../support/floating/network.ts';
import { waitFor } from '../support/wait.ts';

const isRoot = process.getuid?.() === 0;

/** Bounds for a machine that is busy with other tests; `npm run bench failover` measures. */
const MAX_FAILED = 150;
const MAX_GAP_MS = 2500;

describe.runIf(isRoot)('three nodes that announce their address by BGP', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await createCluster(3, {}, { isAnnounced: true });
  });
  afterAll(() => cluster?.end());

  const roles = () => [0, 1, 2].map((index) => cluster.report(index)?.node?.role);
  const allServe = async () => {
    await cluster.routedTo(0, 1, 2);
    await waitFor('three active nodes', () => roles().every((role) => role === 'active'));
  };
  const answered = () => waitFor('an answer', () => cluster.ask(PUBLIC.client));
  const expectBounded = ({ failed, longestGapMs }: HammerResult) => {
    expect(failed).toBeLessThan(MAX_FAILED);
    expect(longestGapMs).toBeLessThan(MAX_GAP_MS);
  };
  /** The nodes that answer a client that asks often. */
  const nodesThatAnswer = async () => {
    const bodies = await Promise.all(Array.from({ length: 60 }, () => cluster.ask(PUBLIC.client)));
    return [...new Set(bodies.map((body) => body?.split(' ')[1] ?? 'nobody'))].sort();
  };
  const addressOf = (index: number) => `::ffff:${VPC.node(index)}`;

  it('all serve', async () => {
    await allServe();
    expect(await nodesThatAnswer()).toEqual([0, 1, 2].map(addressOf));
  });

  it('are two when HAProxy ends on one, and three when it is back', async () => {
    await allServe();
    const result = await cluster.during(async () => {
      cluster.kill(1, [HAPROXY]);
      await waitFor('another HAProxy', () => cluster.processes(1, HAPROXY).length > 1);
      await answered();
    });
    expectBounded(result);
    await allServe();
  });

  it('are two for as long as the cable of one is pulled', async () => {
    await allServe();
    const result = await cluster.during(async () => {
      await cluster.cable(2, 'down');
      await cluster.routedTo(0, 1);
      await answered();
    });
    expectBounded(result);
    await waitFor('the fault', () => cluster.report(2)?.node?.role === 'fault');
    expect(cluster.report(2)?.node?.reason).toContain(`no router hears of its addresses: ${PUBLIC.client}:`);
    await cluster.cable(2, 'up');
    await allServe();
  });

  it('lose nothing when one is asked to step back, which serves again when nobody else is left', async () => {
    await allServe();
    const visit = await cluster.visitor();
    /** By which node and connection, whichever backend. */
    const ask = async () => (await visit()).replace(/^\d+/, '');
    const before = await ask();
    const holder = [0, 1, 2].find((index) => before.includes(`${addressOf(index)} `)) ?? 0;
    const others = [0, 1, 2].filter((index) => index !== holder);
    const result = await cluster.during(async () => {
      expect(await cluster.failover(holder)).toMatchObject({ kind: 'failover', node: `lb-${holder + 1}` });
      await cluster.routedTo(...others);
      await answered();
    });
    expect(result.failed).toBe(0);
    expect(cluster.report(holder)?.node?.role).toBe('standby');
    // What was under way goes on with it.
    expect(await ask()).toBe(before);
    expect(await cluster.failover(holder)).toMatchObject({ kind: 'refused' });
    for (const other of others) await cluster.crash(other);
    await cluster.routedTo(holder);
    await answered();
    for (const other of others) await cluster.boot(other);
    await cluster.routedTo(...others);
    expect(await cluster.back(holder)).toMatchObject({ kind: 'failover' });
    await allServe();
  });

  it('take their announcements back without an agent', async () => {
    await allServe();
    cluster.kill(0, [AGENT]);
    await waitFor('the agent to be gone', () => cluster.processes(0, AGENT).length === 0);
    expect(await cluster.routed()).toEqual([0, 1, 2]);
    const [bird] = cluster.processes(0, BIRD);
    cluster.kill(0, [HAPROXY]);
    await cluster.routedTo(1, 2);
    await cluster.startAgent(0);
    await allServe();
    expect(cluster.processes(0, BIRD)).toEqual([bird]);
  });

  it('are three again after BIRD was killed', async () => {
    await allServe();
    const [bird] = cluster.processes(1, BIRD);
    cluster.kill(1, [BIRD]);
    await waitFor('another BIRD', () => cluster.processes(1, BIRD).some((pid) => pid !== bird));
    await allServe();
  });

  it('come and go, and nothing is lost', async () => {
    await allServe();
    const leaving = await cluster.during(async () => {
      await cluster.order({}, [0, 1]);
      await cluster.routedTo(0, 1);
      await waitFor('no HAProxy', () => cluster.processes(2, HAPROXY).length === 0);
      await answered();
    });
    expect(leaving).toMatchObject({ failed: 0 });
    const coming = await cluster.during(async () => {
      await cluster.order({}, [0, 1, 2]);
      await allServe();
      await answered();
    });
    expect(coming).toMatchObject({ failed: 0 });
  });

  it('have one limit together', async () => {
    const limit = 60;
    await cluster.order({ rateLimit: { requests: limit, window: '60s' } });
    await allServe();
    // Nodes that call each other at once hang up and try again.
    for (const index of [0, 1, 2])
      await waitFor(
        'connections between the nodes',
        async () => {
          const shown = await cluster.tell(index, 'show peers nodes');
          return [...shown.matchAll(/ tx_hbt=[1-9]\d* rx_hbt=[1-9]/g)].length === 2;
        },
        60_000,
      );
    /** What a node knows that each has counted. */
    const counts = async (index: number) => {
      const tables = (await cluster.tell(index, 'show table')).matchAll(/^# table: (limit:[^,\s]+)/gm);
      const counted = [...tables].map(async ([, table = '']) => {
        const entries = (await cluster.tell(index, `show table ${table}`)).matchAll(
          /key=(\S+) .*gpc0=(\d+)/g,
        );
        return [...entries].map(([, key, count]) => `${table} ${key} ${count}`);
      });
      return (await Promise.all(counted)).flat().toSorted().join('\n');
    };
    const allKnow = () =>
      waitFor('what all have counted', async () => {
        const [first, ...others] = await Promise.all([0, 1, 2].map(counts));
        return first !== '' && others.every((other) => other === first);
      });
    let admitted = 0;
    const seen = new Set<string | undefined>();
    for (let turn = 0; turn < 10; turn++) {
      const bodies = await Promise.all(Array.from({ length: 12 }, () => cluster.ask(PUBLIC.client)));
      for (const body of bodies.filter((each) => each !== undefined)) {
        admitted += 1;
        seen.add(body.split(' ')[1]);
      }
      await allKnow();
    }
    expect(seen.size).toBe(3);
    expect(admitted).toBeGreaterThanOrEqual(limit);
    expect(admitted).toBeLessThanOrEqual(limit + 12);
    await cluster.order({});
  });

  it('leave nothing of it behind when the load balancer goes', async () => {
    await allServe();
    cluster.drop();
    for (const [index, node] of cluster.network.nodes.entries()) {
      await waitFor(
        'no address',
        async () => !(await node.run('ip', 'address', 'show')).includes(PUBLIC.announced),
      );
      await waitFor('no process', () =>
        [HAPROXY, BIRD].every((name) => cluster.processes(index, name).length === 0),
      );
      for (const setting of ['eth0/arp_ignore', 'eth1/arp_announce'])
        expect((await node.run('cat', `/proc/sys/net/ipv4/conf/${setting}`)).trim()).toBe('0');
      expect(await node.run('nft', 'list', 'ruleset')).not.toContain('agentmetal');
    }
    await cluster.routedTo();
  });
});
