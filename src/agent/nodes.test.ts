import { readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startBackend } from '../../test/support/backends.ts';
import { ask } from '../../test/support/scene.ts';
import { type TestService, createTestService } from '../../test/support/service.ts';
import { loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { waitFor } from '../../test/support/wait.ts';
import type { NodeMember } from '../api/agent.ts';
import { servicePaths } from '../haproxy/config/paths.ts';
import { peerEndpoint, peerKeyDirectory, peerKeyPath } from '../haproxy/config/peers.ts';
import { askWorker, findMaster } from '../haproxy/process/master.ts';
import { withRuntime } from '../haproxy/runtime/connection.ts';
import { signal } from '../host/processes.ts';
import { detectLayout } from './layout.ts';
import { ensurePeerCertificate } from './peer-identity.ts';

const directory = await temporaryDirectory();
const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});
afterAll(() => directory.remove());

let scenes = 0;

interface Node {
  test: TestService;
  /** Asks it from another address of this machine. */
  status(from?: string): Promise<number>;
  served(from: string): Promise<string>;
  tell(command: string): Promise<string>;
  masterPid(): Promise<number | undefined>;
  workerPid(): Promise<number>;
}

/** The certificate of the machine whose agent works there. */
const certificateIn = (dataDir: string) =>
  ensurePeerCertificate(detectLayout(`${dataDir}/agent`, 0), Date.now());

/** Nodes of one load balancer, each with a HAProxy, a key and an address of its own. */
async function nodes(names: readonly string[]): Promise<{ list: Node[]; members: NodeMember[] }> {
  scenes += 1;
  const members = await Promise.all(
    names.map(async (name, index) => ({
      name,
      address: loopbackAddress(),
      certificate: await certificateIn(`${directory.path}/${scenes}-${index}`),
    })),
  );
  const list = members.map((member, index) => {
    const dataDir = `${directory.path}/${scenes}-${index}`;
    const test = createTestService(dataDir, member.address, { id: `lb_${String(scenes).padStart(26, '0')}` });
    join(test, members, index);
    cleanups.push(() => test.service.remove());
    const paths = servicePaths(test.desired.id, detectLayout(`${dataDir}/agent`, 0));
    return {
      test,
      status: async (from?: string) => (await ask(member.address, from === undefined ? {} : { from })).status,
      served: async (from: string) => (await ask(member.address, { from })).body,
      tell: (command: string) => withRuntime(paths.workerSocket, (runtime) => runtime.send(command)),
      masterPid: () => findMaster(paths),
      workerPid: async () => (await askWorker(paths)).pid,
    };
  });
  return { list, members };
}

function join(test: TestService, members: NodeMember[], index: number): void {
  const { name, address } = members[index]!;
  test.desired = {
    ...test.desired,
    node: { name, address, priority: 150 - index, floatingAddresses: [], members },
  };
}

async function backendSpec(count: number, more: object) {
  const backends = await Promise.all(
    Array.from({ length: count }, (_, index) => startBackend({ name: `web-${index}` })),
  );
  for (const backend of backends) cleanups.push(() => backend.stop());
  return { type: 'http', port: 8080, backends: backends.map(({ target }) => ({ target })), ...more };
}

type Spec = Record<string, unknown> & { backends: { target: string }[] };

async function start(list: readonly Node[], spec: Spec): Promise<void> {
  for (const { test } of list) {
    await test.set(spec);
    for (const { target } of spec.backends)
      await waitFor(`${target} up`, () => test.backendState(target) === 'up');
  }
}

/** Whether it is connected with so many other nodes. */
const isPeered = async (node: Node, others = 1) =>
  [...(await node.tell('show peers nodes')).matchAll(/\(remote,active\) addr=127\S+ last_status=ESTA/g)]
    .length === others;

/** Whether its connections have lasted for seconds: nodes that call each other at once hang up and try again. */
const isSettled = async (node: Node, others: number) =>
  [...(await node.tell('show peers nodes')).matchAll(/ tx_hbt=[1-9]\d* rx_hbt=[1-9]/g)].length === others;

async function allPeered(list: readonly Node[]): Promise<void> {
  for (const node of list) await waitFor('its peers', () => isPeered(node, list.length - 1));
}

/** How many of so many requests pass, sent over all nodes by a few clients at a time, each as soon as it was answered. */
async function passed(list: readonly Node[], count: number, from?: string): Promise<number> {
  let sent = 0;
  let admitted = 0;
  const client = async () => {
    while (sent < count) if ((await list[sent++ % list.length]!.status(from)) === 200) admitted += 1;
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return admitted;
}

const CLIENTS = 4;

/** What passes on one node before the others have heard of it: some milliseconds of requests. */
const RACE = 20;

const admittedOn = async ({ test }: Node) => {
  const answer = await test.service.answer({ kind: 'rate-limits', keys: 10 });
  return answer.kind === 'rate-limits' ? answer.limits[0]?.keys[0]?.admitted : undefined;
};

describe('a rate limit of several nodes', () => {
  it('is the load balancer’s: of a burst over three as much passes as over one', async () => {
    const { list } = await nodes(['lb-1', 'lb-2', 'lb-3']);
    await start(list, await backendSpec(1, { rateLimit: { requests: 100, window: '60s' } }));
    for (const node of list) await waitFor('quiet connections', () => isSettled(node, 2));
    const all = await passed(list, 150);
    expect(all).toBeGreaterThanOrEqual(100);
    expect(all).toBeLessThanOrEqual(100 + RACE);
    // Once all have heard, nothing passes anywhere, and each node tells the whole.
    for (const node of list) await waitFor('the sum', async () => (await admittedOn(node)) === all);
    expect(await passed(list, 10)).toBe(0);
  });

  it('is what is left of it where another node has let some through', async () => {
    const { list } = await nodes(['a', 'b']);
    const [one, two] = list as [Node, Node];
    await start(list, await backendSpec(1, { rateLimit: { requests: 30, window: '60s' } }));
    await allPeered(list);
    expect(await passed([one], 20)).toBe(20);
    await waitFor('the sum', async () => (await admittedOn(two)) === 20);
    expect(await passed([two], 20)).toBe(10);
    await waitFor('the sum', async () => (await admittedOn(one)) === 30);
    expect(await passed([one], 5)).toBe(0);
  });

  it('is remembered for a node by the others while its HAProxy is killed', async () => {
    const { list } = await nodes(['a', 'b']);
    const [one, two] = list as [Node, Node];
    await start(list, await backendSpec(1, { rateLimit: { requests: 30, window: '1h' } }));
    await allPeered(list);
    expect(await passed([one], 20)).toBe(20);
    await waitFor('the sum', async () => (await admittedOn(two)) === 20);
    const [master, worker] = [await one.masterPid(), await one.workerPid()];
    for (const pid of [master, worker]) signal(pid!, 'SIGKILL');
    await waitFor(
      'another HAProxy',
      async () => (await one.workerPid()) !== worker && one.test.report().haproxy,
    );
    await waitFor('what it has forgotten', async () => (await admittedOn(one)) === 20);
    expect(await passed([one], 20)).toBe(10);
  });
});

/** What a node says to one that calls it, up to its end of the connection or its first word. */
function called(
  to: NodeMember,
  id: string,
  from: string,
  how?: { key: Buffer; ca: string[] },
): Promise<string> {
  const layout = detectLayout(directory.path, 0);
  const endpointOf = (self: string) =>
    peerEndpoint({ id, layout, nodes: { self, members: [{ ...to, name: self }] } });
  const { at, local } = endpointOf(to.name);
  if ('abstract' in at) throw new Error('the node listens for itself alone');
  return new Promise((resolve) => {
    const hello = `HAProxyS 2.1\n${local}\n${endpointOf(from).local} 1 1\n`;
    const socket = how
      ? connectTls({ ...at, key: how.key, cert: how.key, ca: how.ca, checkServerIdentity: () => undefined })
      : connect(at);
    let heard = '';
    socket.once(how ? 'secureConnect' : 'connect', () => socket.write(hello));
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (heard.includes('\n')) socket.destroy();
    });
    // A connection that is refused in the handshake ends with an error, which is an end like others.
    socket.on('error', () => {});
    socket.once('close', () => resolve(heard));
  });
}

describe('nodes know each other by their keys', () => {
  it('so that who has none of them can neither read the tables nor write them', async () => {
    const { list, members } = await nodes(['a', 'b']);
    const [one] = list as [Node, Node];
    await start(list, await backendSpec(1, { rateLimit: { requests: 30, window: '60s' } }));
    await allPeered(list);
    const { id } = one.test.desired;
    const [a, b] = members as [NodeMember, NodeMember];
    const ca = [a.certificate ?? ''];
    const stranger = await certificateIn(`${directory.path}/stranger`);
    const keyOf = (dataDir: string, certificate: string) =>
      readFile(peerKeyPath(detectLayout(`${dataDir}/agent`, 0), certificate));
    const key = await keyOf(`${directory.path}/stranger`, stranger);
    expect(await called(a, id, 'b')).not.toContain('200');
    expect(await called(a, id, 'b', { key, ca })).toBe('');
    // With the key of a node the same words are let in.
    const own = await keyOf(`${directory.path}/${scenes}-1`, b.certificate ?? '');
    expect(await called(a, id, 'b', { key: own, ca })).toBe('200\n');
    expect(await passed([one], 40)).toBe(30);
  });

  it('and one whose key is gone speaks to nobody until the others know its new one', async () => {
    const { list, members } = await nodes(['a', 'b']);
    const [one] = list as [Node, Node];
    const spec = await backendSpec(1, { rateLimit: { requests: 30, window: '60s' } });
    const dataDir = `${directory.path}/${scenes}-0`;
    const layout = detectLayout(`${dataDir}/agent`, 0);
    await rm(peerKeyDirectory(layout), { recursive: true });
    await start(list, spec);
    expect(await one.tell('show peers nodes')).not.toContain(members[1]!.address);
    const renewed = [{ ...members[0]!, certificate: await certificateIn(dataDir) }, members[1]!];
    for (const [index, { test }] of list.entries()) join(test, renewed, index);
    await start(list, spec);
    await allPeered(list);
  });
});

describe('a reload', () => {
  it('keeps the tables while the other node is away, right after the start too', async () => {
    const { list, members } = await nodes([
      'a',
      'a-node-with-a-name-of-sixty-three-characters-which-is-the-most-0',
    ]);
    const [one, two] = list as [Node, Node];
    const spec = await backendSpec(1, { rateLimit: { requests: 30, window: '1h' } });
    await start([one], spec);
    expect(await passed([one], 10)).toBe(10);
    expect((await one.test.set({ ...spec, algorithm: 'leastconn' })).path).toBe('reload');
    expect(await passed([one], 10)).toBe(10);
    expect((await one.test.set({ ...spec, algorithm: 'random' })).path).toBe('reload');
    // The other one comes, and learns what was counted before it was there.
    await start([two], spec);
    await waitFor('the lesson', async () => (await admittedOn(two)) === 20);
    expect(await passed([two], 20)).toBe(10);
    // A third takes the second one's place: the first goes on counting, at the price of one reload.
    const certificate = await certificateIn(`${directory.path}/${scenes}-c`);
    const replaced = [members[0]!, { name: 'c', address: loopbackAddress(), certificate }];
    await waitFor('the sum', async () => (await admittedOn(one)) === 30);
    join(one.test, replaced, 0);
    expect((await one.test.set(spec)).path).toBe('reload');
    expect(await passed([one], 5)).toBe(5);
  });
});

describe('clients that are bound to a backend', () => {
  const clients = Array.from({ length: 40 }, (_, index) => `127.9.1.${index + 1}`);
  const servedTo = (node: Node) => Promise.all(clients.map((from) => node.served(from)));

  it('by their address keep it when another node serves them, 40 of 40, and after it comes back', async () => {
    const { list } = await nodes(['a', 'b']);
    const [one, two] = list as [Node, Node];
    await start(list, await backendSpec(4, { sticky: { mode: 'source-ip' } }));
    await allPeered(list);
    const before = await servedTo(one);
    expect(new Set(before).size).toBe(4);
    await waitFor('all of them', async () => /used:40\b/.test(await two.tell('show table default')));
    const [master, worker] = [await one.masterPid(), await one.workerPid()];
    for (const pid of [master, worker]) signal(pid!, 'SIGKILL');
    expect(await servedTo(two)).toEqual(before);
    await waitFor(
      'another HAProxy',
      async () => (await one.workerPid()) !== worker && one.test.report().haproxy,
    );
    await waitFor('all of them', async () => /used:40\b/.test(await one.tell('show table default')));
    expect(await servedTo(one)).toEqual(before);
  });

  it('by a cookie keep it on every node', async () => {
    const { list } = await nodes(['a', 'b']);
    await start(list, await backendSpec(4, { sticky: { mode: 'cookie' } }));
    for (let turn = 0; turn < 8; turn++) {
      const first = await ask(list[turn % 2]!.test.desired.address);
      const cookie = String(first.headers['set-cookie']).split(';')[0]!;
      const second = await ask(list[(turn + 1) % 2]!.test.desired.address, { headers: { cookie } });
      expect(second.body).toBe(first.body);
    }
  });
});
