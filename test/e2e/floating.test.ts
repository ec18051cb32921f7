import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT, type Cluster, HAPROXY, KEEPALIVED, createCluster } from '../support/floating/cluster.ts';
import { FAULTS, type Fault, strike } from '../support/floating/faults.ts';
import { PUBLIC, VPC } from '../support/floating/network.ts';
import { waitFor } from '../support/wait.ts';

const isRoot = process.getuid?.() === 0;

/** Bounds for a machine that is busy with other tests; `npm run bench failover` measures. */
const MAX_FAILED = 150;
const MAX_GAP_MS = 2500;

describe.runIf(isRoot)('two nodes with a floating address', () => {
  let cluster: Cluster;
  const clients = Array.from({ length: 40 }, (_, index) => `203.0.113.${101 + index}`);

  beforeAll(async () => {
    cluster = await createCluster(2, { sticky: { mode: 'source-ip' } });
    for (const address of clients)
      await cluster.network.client.run('ip', 'address', 'add', `${address}/32`, 'dev', 'eth0');
  });
  afterAll(() => cluster?.end());

  const backendsOfClients = async () => {
    const bodies = await Promise.all(clients.map((from) => cluster.ask(from)));
    return bodies.map((body) => body?.split(' ')[0]);
  };

  /** Has the fault happen to the active node while a client asks, and another node take over. */
  const struckBy = async (fault: Fault) => {
    const victim = await cluster.settled();
    const result = await cluster.during(async () => {
      await strike(cluster, fault, victim);
      // The client has to be served again before it is asked how it went.
      await waitFor('an answer', () => cluster.ask(clients[0] ?? ''));
    });
    await fault.mend?.(cluster, victim);
    return { victim, result };
  };

  it.each([FAULTS.haproxyKilled, FAULTS.machineKilled, FAULTS.silentPartition, FAULTS.reboot])(
    'serve on after a fault of the active one: $name',
    async (fault) => {
      const { result } = await struckBy(fault);
      expect(result.failed).toBeLessThan(MAX_FAILED);
      expect(result.longestGapMs).toBeLessThan(MAX_GAP_MS);
      // Once it is mended, one alone has the address.
      await cluster.settled();
    },
  );

  it('leave the address to the other one for as long as the cable to the clients is pulled', async () => {
    const victim = await cluster.settled();
    await cluster.cable(victim, 'down');
    await cluster.othersHave([0], victim);
    const told = await waitFor('the fault', () => {
      const { node } = cluster.report(victim) ?? {};
      return node?.role === 'fault' && node;
    });
    expect(told.reason).toBe('a network interface of it is down');
    // With each of these its agent has looked at the interfaces once more.
    for (const algorithm of ['leastconn', 'roundrobin'])
      await cluster.order({ sticky: { mode: 'source-ip' }, algorithm });
    expect(await cluster.active()).toBe(1 - victim);
    expect(cluster.report(victim)?.node?.role).toBe('fault');
    await cluster.cable(victim, 'up');
    expect(await cluster.settled()).toBe(1 - victim);
  });

  it('change roles when they are asked to, and clients keep their backends, 40 of 40', async () => {
    const before = await backendsOfClients();
    expect(before).not.toContain(undefined);
    expect(new Set(before).size).toBe(4);
    const standby = 1 - (await cluster.settled());
    await waitFor('what the other node is told', async () => {
      const table = await cluster.tell(standby, 'show table default');
      return clients.every((address) => table.includes(`key=::ffff:${address} `));
    });
    const { victim, result } = await struckBy(FAULTS.gracefulStop);
    expect(result.failed).toBe(0);
    expect(await cluster.settled()).toBe(1 - victim);
    expect(await backendsOfClients()).toEqual(before);
    expect(await cluster.failover(victim)).toMatchObject({ kind: 'refused' });
  });

  it('hand on what is under way: a connection goes on with the node that has it, and ends with that', async () => {
    const active = await cluster.settled();
    const ask = await cluster.visitor();
    const before = await ask();
    expect(before).toContain(`:${VPC.node(active)} by connection 1`);
    expect(await cluster.failover(active)).toMatchObject({ kind: 'failover' });
    await cluster.settled(1 - active);
    for (let turn = 0; turn < 3; turn++) expect(await ask()).toBe(before);
    // The node that has it is told to end: what comes then belongs to nobody, and is refused.
    cluster.kill(active, [HAPROXY]);
    await waitFor('a new connection', async () =>
      (await ask().catch(() => '')).endsWith(`:${VPC.node(1 - active)} by connection 2`),
    );
    await cluster.settled();
  });

  it('keep their roles while an agent is away, and serve on when HAProxy dies without it', async () => {
    const active = await cluster.settled();
    const keepalived = cluster.processes(active, KEEPALIVED);
    cluster.kill(active, [AGENT]);
    await waitFor('the agent to be gone', () => cluster.processes(active, AGENT).length === 0);
    expect(await cluster.ask(clients[0] ?? '')).toBeDefined();
    await cluster.startAgent(active);
    // The agent has found its keepalived again when it tells of it.
    const told = cluster.report(active);
    await waitFor('a report', () => cluster.report(active) !== told && cluster.report(active)?.node);
    expect(await cluster.settled()).toBe(active);
    expect(cluster.processes(active, KEEPALIVED)).toEqual(keepalived);
    cluster.kill(active, [AGENT, HAPROXY]);
    await cluster.othersHave([0], active);
    await waitFor('an answer by the other node', () => cluster.ask(clients[0] ?? ''));
    await cluster.startAgent(active);
    expect(await cluster.settled()).toBe(1 - active);
  });

  it('are two again after keepalived was killed, whoever has the address then', async () => {
    const active = await cluster.settled();
    cluster.kill(active, [KEEPALIVED]);
    await waitFor('another keepalived', () => cluster.processes(active, KEEPALIVED).length > 0);
    await cluster.settled();
  });

  it('leave nothing of it behind when the load balancer goes', async () => {
    await cluster.settled();
    const addresses = ({ run }: (typeof cluster.network.nodes)[number]) => run('ip', 'address', 'show');
    cluster.drop();
    for (const [index, node] of cluster.network.nodes.entries()) {
      await waitFor('no address', async () => !(await addresses(node)).includes(PUBLIC.floating));
      await waitFor('no process', () =>
        [HAPROXY, KEEPALIVED].every((name) => cluster.processes(index, name).length === 0),
      );
      for (const setting of ['eth0/arp_ignore', 'eth1/arp_ignore', 'eth1/arp_announce'])
        expect((await node.run('cat', `/proc/sys/net/ipv4/conf/${setting}`)).trim()).toBe('0');
    }
  });
});
