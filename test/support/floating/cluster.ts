import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredLoadBalancer, LoadBalancerReport } from '../../../src/api/agent.ts';
import type { AnswerBody, QuestionBody } from '../../../src/api/agent-questions.ts';
import { detectLayout } from '../../../src/agent/layout.ts';
import { servicePaths } from '../../../src/haproxy/config/paths.ts';
import { withRuntime } from '../../../src/haproxy/runtime/connection.ts';
import { commandLine, isRunning, signal } from '../../../src/host/processes.ts';
import { priorityAt } from '../../../src/server/placement/order.ts';
import { chooseHomes, takingOrder } from '../../../src/server/placement/spread.ts';
import { ROOT } from '../product.ts';
import { specOf } from '../service.ts';
import { waitFor } from '../wait.ts';
import { BACKEND_PORTS, CONTROL_PORT, type FromFarSide, type ToFarSide } from './far-side-messages.ts';
import type { FromHammer, HammerResult, ToHammer } from './hammer.ts';
import { isIn } from './namespace.ts';
import type { FromVisitor } from './visitor.ts';
import { ROUTED_BY, startRouter } from './router.ts';
import { NODE_DEVICES, type Network, PUBLIC, VPC, cable, createNetwork, heal, partition } from './network.ts';

const ID = 'lb_01m833pgxtewv9hb4s1e6n3b2k';

/** Two or more machines with an agent each, that serve one load balancer on a floating address. */
export interface Cluster {
  network: Network;
  /** What a node has told last. */
  report(index: number): LoadBalancerReport | undefined;
  /** The node that has the floating address, by its interface; undefined when none or several have. */
  active(): Promise<number | undefined>;
  /** Whether this node has it. */
  hasAddress(index: number): Promise<boolean>;
  /** Of each floating address the nodes that have it, by their interfaces, where the addresses are spread over the nodes. */
  holders(): Promise<number[][]>;
  /** Waits until each address is had by the node of that place, which says so, and clients are answered by it. */
  spreadOver(...nodes: number[]): Promise<unknown>;
  /** Has every address go to the node of its place, as the control plane does when all have been well for a while. */
  allAtHome(): Promise<void>;
  /** Has an address go to the node that comes first for it, as the control plane has it do. */
  bringHome(address: number): Promise<AnswerBody>;
  /** Waits until that node has the address and all others would take it. */
  settled(index?: number): Promise<number>;
  /** Which of the floating addresses a node has. */
  heldBy(index: number): Promise<number[]>;
  /** Whether other nodes than this have these addresses too. */
  doOthersHave(held: readonly number[], index: number): Promise<boolean>;
  othersHave(held: readonly number[], index: number): Promise<unknown>;
  /**
   * Sets another spec on all nodes; nodes that are not listed are none any more.
   * @param addresses how many floating addresses there are, where they are spread. Default: all.
   */
  order(spec: Record<string, unknown>, indexes?: readonly number[], addresses?: number): Promise<void>;
  /** The nodes to which the client's router sends, where they announce their address. */
  routed(): Promise<number[]>;
  /** Waits until it sends to these nodes and no others. */
  routedTo(...indexes: number[]): Promise<unknown>;
  /** Has a node take back what it gave up. */
  back(index: number): Promise<AnswerBody>;
  /** Asks a node's HAProxy itself. */
  tell(index: number, command: string): Promise<string>;
  /** Has all nodes give the load balancer up. */
  drop(): void;
  /** Asks a node to step back. */
  failover(index: number): Promise<AnswerBody>;
  processes(index: number, name: string): number[];
  kill(index: number, names: readonly string[], how?: NodeJS.Signals): void;
  startAgent(index: number): Promise<void>;
  /** All of a machine's processes end, and its addresses are gone, as after its power was. */
  crash(index: number): Promise<void>;
  /** It comes back after a crash. */
  boot(index: number): Promise<void>;
  partition(index: number): Promise<void>;
  heal(): Promise<void>;
  cable(index: number, state: 'up' | 'down'): Promise<void>;
  /** Has the client ask for as long as something takes: all addresses in turn, or one of them. */
  during(what: () => Promise<unknown>, address?: number): Promise<HammerResult>;
  /** Whether a client is answered by every floating address. */
  isServed(): Promise<boolean>;
  /** What a client with that address is answered by a floating address, the first if none is given; undefined when it is not. */
  ask(from: string, address?: string): Promise<string | undefined>;
  /** A client that stays on one connection; each call asks once more on it. */
  visitor(): Promise<() => Promise<string>>;
  end(): Promise<void>;
}

export const AGENT = 'agent';
export const HAPROXY = 'haproxy';
export const KEEPALIVED = 'keepalived';
export const BIRD = 'bird';
const ALL = [AGENT, KEEPALIVED, BIRD, HAPROXY];

export interface ClusterOptions {
  /** Whether all nodes announce the address by BGP; the client is the router as well. Default: one node has it, by VRRP. */
  isAnnounced?: boolean;
  /** Whether there are as many addresses as nodes, and each has one. Default: there is one address. */
  isSpread?: boolean;
}

export async function createCluster(
  count: number,
  spec: Record<string, unknown> = {},
  { isAnnounced = false, isSpread = false }: ClusterOptions = {},
): Promise<Cluster> {
  const floating = isAnnounced ? PUBLIC.announced : PUBLIC.floating;
  const addresses = isSpread ? [floating, ...PUBLIC.spread] : [floating];
  let used = addresses;
  /** Nodes that have no power. */
  const isDown = new Set<number>();
  const url = `http://${floating}/`;
  // keepalived runs no script that lies where others than root may write, as they may in /tmp.
  const directory = await mkdtemp('/run/am-');
  const network = await createNetwork(count);
  const members = network.nodes.map((_, index) => ({ name: `lb-${index + 1}`, address: VPC.node(index) }));
  const reports = new Map<string, LoadBalancerReport>();
  const answers = new Map<string, AnswerBody>();
  const script = (name: string) => [process.execPath, join(import.meta.dirname, name)];

  const farSide = network.backends.spawn(script('far-side.ts'), ['ignore', 'inherit', 'inherit', 'ipc']);
  farSide.on('message', (message: FromFarSide) => {
    if (message.kind === 'report') reports.set(message.node, message.report);
    if (message.kind === 'answer') answers.set(message.node, message.body);
  });
  const hammer = network.client.spawn(script('hammer.ts'), ['ignore', 'inherit', 'inherit', 'ipc']);
  // Each question that is open listens for its answer.
  hammer.setMaxListeners(0);
  await Promise.all([once(farSide, 'message'), once(hammer, 'message')]);
  const tell = (message: ToFarSide) => farSide.send(message);
  const tellHammer = (message: ToHammer) => hammer.send(message);

  const bgp = isAnnounced ? { bgp: ROUTED_BY } : {};
  let revision = 0;
  /** The members of now, and the home of each address. */
  let listedNow: readonly number[] = [];
  let homes: readonly (string | null)[] = addresses.map(() => null);
  const visitors: ChildProcess[] = [];
  if (isAnnounced) visitors.push(await startRouter(network, directory));
  const agents: (ChildProcess | undefined)[] = [];
  const dataDir = (index: number) => join(directory, String(index + 1));
  const pathsOf = (index: number) => servicePaths(ID, detectLayout(dataDir(index), 0));
  const nodeAt = (index: number) => {
    const node = network.nodes[index];
    if (!node) throw new Error(`there is no node ${index}`);
    return node;
  };

  const askAgent = async (index: number, body: QuestionBody) => {
    const { name } = members[index] ?? { name: '' };
    answers.delete(name);
    tell({ kind: 'ask', node: name, body });
    return waitFor('an answer', () => answers.get(name));
  };

  /** As the control plane does. */
  const expectMoves = () => Promise.all(listedNow.map((index) => askAgent(index, { kind: 'expect' })));

  /** What an agent has made for its machine, and tells its control plane. */
  const certificateOf = (index: number) =>
    waitFor('the key of a node', async () =>
      new X509Certificate(await readFile(join(dataDir(index), 'peer/newest.pem'))).toString(),
    );

  const self: Cluster = {
    network,
    report: (index) => reports.get(members[index]?.name ?? ''),
    async hasAddress(index) {
      const shown = await nodeAt(index).run('ip', '-o', 'address', 'show', 'dev', NODE_DEVICES[1]);
      return shown.includes(` ${PUBLIC.floating}/`);
    },
    async active() {
      const have = await Promise.all(network.nodes.map((_, index) => self.hasAddress(index)));
      return have.filter(Boolean).length === 1 ? have.indexOf(true) : undefined;
    },
    async holders() {
      const shown = await Promise.all(
        network.nodes.map((node) => node.run('ip', '-o', 'address', 'show', 'dev', NODE_DEVICES[1])),
      );
      // One that has lost its power still shows what it had.
      const alive = [...shown.keys()].filter((index) => !isDown.has(index));
      return addresses.map((address) => alive.filter((index) => shown[index]?.includes(` ${address}/`)));
    },
    spreadOver: (...wanted) =>
      waitFor(
        `the addresses to be had by nodes ${wanted.join(', ')}`,
        async () => {
          const holders = await self.holders();
          const told = listedNow.map((index) => self.report(index)?.node?.addresses ?? []);
          const areHeld = addresses.every((_, slot) =>
            isDeepStrictEqual(holders[slot], wanted[slot] === undefined ? [] : [wanted[slot]]),
          );
          const areTold = listedNow.every((index, at) => {
            if (used.length < 2 || isDown.has(index)) return true;
            const own = addresses.filter((_, slot) => wanted[slot] === index);
            return isDeepStrictEqual(told[at]?.toSorted(), own.toSorted());
          });
          const answers = await Promise.all(
            wanted.map((_, slot) => self.ask(PUBLIC.client, addresses[slot])),
          );
          const areServed = answers.every((answer, slot) =>
            answer?.endsWith(`:${VPC.node(wanted[slot] ?? -1)}`),
          );
          if (areHeld && areTold && areServed) return true;
          throw new Error(`they are: ${JSON.stringify({ holders, told, answers })}`);
        },
        30_000,
      ),
    async allAtHome() {
      const areHeldAlone = async () => (await self.holders()).every(({ length }) => length === 1);
      const areWell = () =>
        listedNow.every((index) => ['active', 'standby'].includes(self.report(index)?.node?.role ?? ''));
      await waitFor('all nodes to be well', areWell, 30_000);
      await waitFor('each address at one node', areHeldAlone, 30_000);
      for (const slot of addresses.keys())
        await waitFor(`address ${slot} at home`, async () => {
          if (isDeepStrictEqual((await self.holders())[slot], [slot])) return true;
          await self.bringHome(slot);
          return false;
        });
      await self.spreadOver(...addresses.keys());
    },
    async bringHome(slot) {
      const [holder = -1] = (await self.holders())[slot] ?? [];
      await expectMoves();
      return askAgent(holder, { kind: 'failover', addresses: [addresses[slot] ?? ''] });
    },
    settled: (wanted) =>
      waitFor(
        'one active node and the others standing by',
        async () => {
          const active = await self.active();
          if (active === undefined || (wanted ?? active) !== active) return undefined;
          const roles = members.map(({ name }) => reports.get(name)?.node?.role);
          const isAsTold = roles.every((role, index) => role === (index === active ? 'active' : 'standby'));
          if (!isAsTold) return undefined;
          // Where its packets go, the client has to learn as well.
          const answer = await self.ask(PUBLIC.client);
          return answer?.endsWith(`:${VPC.node(active)}`) ? { active } : undefined;
        },
        30_000,
      ).then(({ active }) => active),
    async heldBy(index) {
      const holders = await self.holders();
      return [...holders.keys()].filter((slot) => holders[slot]?.includes(index));
    },
    async doOthersHave(held, index) {
      const holders = await self.holders();
      return held.every((slot) => holders[slot]?.some((holder) => holder !== index));
    },
    othersHave: (held, index) =>
      waitFor('another node to have the address', () => self.doOthersHave(held, index)),
    async order(more, indexes = [...members.keys()], count = addresses.length) {
      revision += 1;
      listedNow = indexes;
      used = addresses.slice(0, count);
      const names = indexes.map((index) => members[index]?.name ?? '');
      homes = chooseHomes(
        used.map((_, slot) => ({ home: homes[slot] ?? null })),
        names,
      );
      const priorityOf = (slot: number, name: string) =>
        priorityAt(takingOrder(homes[slot] ?? null, slot, names).indexOf(name));
      const full = {
        type: 'http',
        backends: BACKEND_PORTS.map((port) => ({ target: `${VPC.backends}:${port}` })),
        healthCheck: { type: 'tcp', interval: '1s' },
        ...more,
      };
      const known = await Promise.all(
        members.map(async (member, index) => ({ ...member, certificate: await certificateOf(index) })),
      );
      const listed = known.filter((_, index) => indexes.includes(index));
      const dropped = [...known.keys()].filter((index) => !indexes.includes(index));
      for (const index of dropped) tell({ kind: 'drop', node: members[index]?.name ?? '' });
      for (const [index, member] of listed.entries()) {
        const order: DesiredLoadBalancer = {
          id: ID,
          name: 'web-lb',
          revision,
          spec: specOf(full),
          address: '*',
          vpc: { name: 'prod', cidrs: ['10.80.0.0/24'], nameServers: [], hosts: [] },
          allowLoopbackBackends: false,
          node: {
            ...member,
            priority: isSpread ? priorityOf(0, member.name) : priorityAt(index),
            floatingAddresses: [floating],
            members: listed,
            ...(used.length > 1
              ? {
                  spread: used.slice(1).map((address, further) => ({
                    address,
                    routerId: 11 + further,
                    priority: priorityOf(further + 1, member.name),
                  })),
                }
              : {}),
            ...bgp,
          },
        };
        tell({ kind: 'order', node: member.name, order });
      }
      for (const { name } of listed)
        await waitFor(
          `${name} to serve revision ${revision}`,
          () => {
            const report = reports.get(name);
            return (
              report?.observedRevision === revision &&
              report.backends.length > 0 &&
              report.backends.every(({ state }) => state === 'up')
            );
          },
          60_000,
        );
      // As the control plane does, which gives a machine nothing before it has taken off what was there.
      for (const index of dropped)
        await waitFor(`node ${index} to be free`, () => !existsSync(pathsOf(index).directory));
    },
    tell(index, command) {
      return withRuntime(pathsOf(index).workerSocket, (runtime) => runtime.send(command));
    },
    drop() {
      for (const { name } of members) tell({ kind: 'drop', node: name });
    },
    async failover(index) {
      await expectMoves();
      return askAgent(index, { kind: 'failover' });
    },
    back: (index) => askAgent(index, { kind: 'failover', back: true }),
    async routed() {
      const shown = await network.client.run('ip', 'route', 'show', floating);
      return [...network.nodes.keys()].filter((index) => shown.includes(`via ${PUBLIC.node(index)} `));
    },
    routedTo: (...indexes) =>
      waitFor(
        `the router to send to nodes ${indexes.join(', ') || '(none)'}`,
        async () => JSON.stringify(await self.routed()) === JSON.stringify(indexes),
        30_000,
      ),
    processes: (index, name) =>
      readdirSync('/proc')
        .map(Number)
        .filter((pid) => pid > 0 && nameOf(pid, name) && isIn(nodeAt(index), pid)),
    kill(index, names, how = 'SIGKILL') {
      for (const name of names) for (const pid of self.processes(index, name)) signal(pid, how);
    },
    async startAgent(index) {
      const folder = dataDir(index);
      const tokenFile = join(folder, 'token');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(tokenFile, `${members[index]?.name}\n`, { mode: 0o600 });
      const log = openSync(join(folder, 'agent.log'), 'a');
      const url = `http://${VPC.backends}:${CONTROL_PORT}`;
      const args = ['--url', url, '--token-file', tokenFile, '--data-dir', folder];
      agents[index] = nodeAt(index).spawn(
        [process.execPath, join(ROOT, 'dist/main.js'), 'agent', ...args],
        ['ignore', log, log],
      );
    },
    async crash(index) {
      isDown.add(index);
      for (const device of NODE_DEVICES) await cable(network, index, device, 'down');
      self.kill(index, ALL);
      reports.delete(members[index]?.name ?? '');
    },
    async boot(index) {
      const node = nodeAt(index);
      await node.run('ip', 'address', 'flush', 'dev', 'lo');
      await node.run('ip', 'address', 'add', '127.0.0.1/8', 'dev', 'lo');
      const shown = await node.run('ip', '-o', 'address', 'show', 'dev', NODE_DEVICES[1]);
      for (const address of addresses)
        if (shown.includes(` ${address}/`))
          await node.run('ip', 'address', 'del', `${address}/32`, 'dev', NODE_DEVICES[1]);
      for (const device of NODE_DEVICES) await cable(network, index, device, 'up');
      isDown.delete(index);
      await self.startAgent(index);
    },
    partition: (index) => partition(network, index),
    heal: () => heal(network),
    cable: (index, state) => cable(network, index, NODE_DEVICES[1], state),
    async during(what, address) {
      const asked = used.filter((_, slot) => slot === (address ?? slot));
      const urls = asked.map((each) => `http://${each}/`);
      tellHammer({ kind: 'begin', urls, everyMs: 10, timeoutMs: 1000 });
      await what();
      const result = awaitMessage(hammer, (message) =>
        message.kind === 'result' ? message.result : undefined,
      );
      tellHammer({ kind: 'end' });
      return result;
    },
    ask(from, address = floating) {
      const id = Math.random();
      const answer = awaitMessage(hammer, (message) =>
        message.kind === 'answer' && message.id === id ? { body: message.body } : undefined,
      );
      tellHammer({ kind: 'ask', id, url: `http://${address}/`, from });
      return answer.then(({ body }) => body);
    },
    async isServed() {
      const answers = await Promise.all(used.map((address) => self.ask(PUBLIC.client, address)));
      return answers.every((answer) => answer !== undefined);
    },
    async visitor() {
      const child = network.client.spawn(
        [...script('visitor.ts'), url],
        ['ignore', 'inherit', 'inherit', 'ipc'],
      );
      visitors.push(child);
      const next = async () => {
        const [said] = (await once(child, 'message')) as [FromVisitor];
        if ('error' in said) throw new Error(said.error);
        return said.body;
      };
      await next();
      return () => {
        child.send('ask');
        return next();
      };
    },
    async end() {
      for (const index of network.nodes.keys()) self.kill(index, ALL);
      for (const child of [farSide, hammer, ...visitors]) child.kill('SIGKILL');
      await network.end();
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    for (const index of network.nodes.keys()) await self.startAgent(index);
    await self.order(spec);
  } catch (error) {
    const logs = network.nodes.map((_, index) => logsOf(dataDir(index)));
    await self.end();
    throw new Error(`the nodes do not serve:\n${logs.join('\n')}`, { cause: error });
  }
  return self;
}

function logsOf(folder: string): string {
  const read = (path: string) => {
    try {
      return readFileSync(join(folder, path), 'utf8');
    } catch {
      // Without one there is nothing to tell.
      return '';
    }
  };
  const floating = `load-balancers/${ID}/floating/keepalived.log`;
  return [read('agent.log'), read(floating)].join('\n');
}

/** Whether that is the program's process; the agent is a Node that was told so. */
function nameOf(pid: number, name: string): boolean {
  if (!isRunning(pid)) return false;
  const [program = '', , verb] = commandLine(pid);
  return name === AGENT ? verb === AGENT : program.endsWith(name);
}

function awaitMessage<T>(child: ChildProcess, pick: (message: FromHammer) => T | undefined): Promise<T> {
  return new Promise((resolve) => {
    const look = (message: FromHammer) => {
      const found = pick(message);
      if (found === undefined) return;
      child.off('message', look);
      resolve(found);
    };
    child.on('message', look);
  });
}
