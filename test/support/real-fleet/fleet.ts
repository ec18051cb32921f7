import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadBalancer } from '../../../src/api/load-balancer.ts';
import type { Machine, NewMachine } from '../../../src/api/machines.ts';
import { commandLine, isRunning, signal } from '../../../src/host/processes.ts';
import { isIn } from '../floating/namespace.ts';
import { NODE_DEVICES, type Network, PUBLIC, VPC, cable, createNetwork } from '../floating/network.ts';
import { waitFor } from '../wait.ts';
import { AGENT_LISTEN, API } from './places.ts';

const KEY = 'am_test_key_for_the_test_run_0123456789abcdef';

/** The control plane and the agents of several machines as processes of their own, each machine in a network of its own. */
export interface RealFleet {
  network: Network;
  /** Calls the API of the control plane; an answer that is no success is a fault of the test. */
  call<T = unknown>(method: string, path: string, body?: object): Promise<T>;
  loadBalancer(name: string): Promise<LoadBalancer>;
  machine(name: string): Promise<Machine>;
  /** Ends the control plane. */
  endPlane(): Promise<void>;
  startPlane(): Promise<void>;
  /** Starts a machine's agent, which has its credential or its token to enrol with. */
  startAgent(index: number): void;
  /** Puts the clocks of the control plane and of all agents forward. */
  advance(ms: number): void;
  /** What the clocks show, milliseconds since the epoch. */
  now(): number;
  /** Ends a machine's agent alone, with no warning. */
  killAgent(index: number): Promise<void>;
  /** Bytes that live in the memory of a machine's agent, after garbage was collected. */
  memory(index: number): Promise<number>;
  /** Where a machine's agent keeps what it knows. */
  dataDir(index: number): string;
  /** Process ids of that program on a machine. */
  processes(index: number, name: string): number[];
  /** Whether a machine has the floating address on an interface to the clients. */
  hasAddress(index: number): Promise<boolean>;
  /** What a client gets at a floating address, the first if none is given; undefined when it gets nothing. */
  ask(address?: string): Promise<string | undefined>;
  /** All of a machine's processes end, and its cables are pulled, as after its power was. */
  crash(index: number): Promise<void>;
  /** It comes back after a crash. */
  boot(index: number): Promise<void>;
  /** Keeps a machine from reaching the control plane, or lets it again. */
  cutOff(index: number, isCut: boolean): Promise<void>;
  /** What the control plane and the agents have logged. */
  logs(): string;
  end(): Promise<void>;
}

export interface RealFleetOptions {
  /** Called when the network is there, before anything else; answers the settings of the agents. Default: there is no CA. */
  prepare?(network: Network): Promise<NodeJS.ProcessEnv>;
  /** More of the VPC than its networks. */
  vpc?: object;
}

const NO_CA = { AGENTMETAL_ACME_SERVER: 'https://127.0.0.1:9/directory' };

/** Makes machines `lb-1`, `lb-2`, … in the VPC `prod`, whose agents have enrolled. */
export async function startRealFleet(count: number, options: RealFleetOptions = {}): Promise<RealFleet> {
  // keepalived runs no script that lies where others than root may write, as they may in /tmp.
  const directory = await mkdtemp('/run/am-');
  const network = await createNetwork(count);
  const folder = (index: number) => join(directory, `lb-${index + 1}`);
  const log = (name: string) => openSync(join(directory, `${name}.log`), 'a');
  const nodeAt = (index: number) => {
    const node = network.nodes[index];
    if (!node) throw new Error(`there is no machine ${index}`);
    return node;
  };
  let plane: ChildProcess | undefined;
  const agents = new Map<number, ChildProcess>();
  let ahead = 0;
  let settings: NodeJS.ProcessEnv = NO_CA;

  const self: RealFleet = {
    network,
    async call(method, path, body) {
      const config = [`header = "Authorization: Bearer ${KEY}"`, 'header = "Content-Type: application/json"'];
      const more = body === undefined ? [] : ['--data', JSON.stringify(body)];
      const file = join(directory, 'curl');
      await writeFile(file, config.join('\n'), { mode: 0o600 });
      const args = ['-sS', '--fail-with-body', '-K', file, '-X', method, ...more, `${API}${path}`];
      const text = await network.backends.run('curl', ...args);
      return text === '' ? undefined : JSON.parse(text);
    },
    loadBalancer: (name) => self.call('GET', `/v1/load-balancers/${name}`),
    machine: (name) => self.call('GET', `/v1/machines/${name}`),
    async startPlane() {
      const script = join(import.meta.dirname, 'plane.ts');
      const command = [process.execPath, script, join(directory, 'control-plane'), KEY, String(ahead)];
      const out = log('control-plane');
      plane = network.backends.spawn(command, ['ignore', out, out, 'ipc'], { ...process.env, ...settings });
      await once(plane, 'message');
    },
    endPlane: () => endProcess(plane, 'SIGTERM'),
    startAgent(index) {
      const own = folder(index);
      const files = [join(own, 'enrol-token'), join(directory, 'control-plane.pem'), join(own, 'agent')];
      const script = join(import.meta.dirname, 'agent.ts');
      const args = ['--expose-gc', script, 'agent', `https://${AGENT_LISTEN}`, ...files, String(ahead)];
      const out = log(`lb-${index + 1}`);
      const env = { ...process.env, ...settings };
      agents.set(index, nodeAt(index).spawn([process.execPath, ...args], ['ignore', out, out, 'ipc'], env));
    },
    advance(ms) {
      ahead += ms;
      for (const child of [plane, ...agents.values()]) if (child?.connected) child.send({ advance: ms });
    },
    now: () => Date.now() + ahead,
    killAgent: (index) => endProcess(agents.get(index), 'SIGKILL'),
    async memory(index) {
      const agent = agents.get(index);
      if (!agent) throw new Error(`machine ${index} has no agent`);
      const told = once(agent, 'message');
      agent.send('memory');
      return Number((await told)[0]);
    },
    dataDir: (index) => join(folder(index), 'agent'),
    processes: (index, name) =>
      readdirSync('/proc')
        .map(Number)
        .filter((pid) => pid > 0 && isProgram(pid, name) && isIn(nodeAt(index), pid)),
    async hasAddress(index) {
      const shown = await nodeAt(index).run('ip', '-o', 'address', 'show', 'dev', NODE_DEVICES[1]);
      return shown.includes(` ${PUBLIC.floating}/`);
    },
    ask: (address = PUBLIC.floating) =>
      network.client.run('curl', '-sS', '--fail', '--max-time', '1', `http://${address}/`).then(
        (body) => body,
        () => undefined,
      ),
    async crash(index) {
      for (const device of NODE_DEVICES) await cable(network, index, device, 'down');
      for (const name of ['agent', 'keepalived', 'haproxy'])
        for (const pid of self.processes(index, name)) signal(pid, 'SIGKILL');
    },
    async boot(index) {
      const node = nodeAt(index);
      await node.run('ip', 'address', 'flush', 'dev', 'lo');
      await node.run('ip', 'address', 'add', '127.0.0.1/8', 'dev', 'lo');
      if (await self.hasAddress(index))
        await node.run('ip', 'address', 'del', `${PUBLIC.floating}/32`, 'dev', NODE_DEVICES[1]);
      for (const device of NODE_DEVICES) await cable(network, index, device, 'up');
      self.startAgent(index);
    },
    async cutOff(index, isCut) {
      const port = AGENT_LISTEN.split(':')[1] ?? '';
      const node = nodeAt(index);
      if (!isCut) return void (await node.run('nft', 'delete', 'table', 'inet', 'cut'));
      await node.run('nft', 'add', 'table', 'inet', 'cut');
      await node.run('nft', 'add chain inet cut out { type filter hook output priority 0; }');
      await node.run('nft', `add rule inet cut out tcp dport ${port} drop`);
    },
    logs: () =>
      readdirSync(directory, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.log'))
        .map((name) => `${name}:\n${readFileSync(join(directory, name), 'utf8').slice(-3000)}`)
        .join('\n'),
    async end() {
      // Asked to end it would wait for answers that a machine without its cables does not take, for more than a minute.
      await endProcess(plane, 'SIGKILL');
      for (const index of network.nodes.keys())
        for (const name of ['agent', 'keepalived', 'haproxy'])
          for (const pid of self.processes(index, name)) signal(pid, 'SIGKILL');
      await network.end();
      // What was killed may just have made a file there.
      await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    },
  };
  const enrol = async (index: number) => {
    const name = `lb-${index + 1}`;
    const body = { driver: 'manual', name, vpc: 'prod', address: VPC.node(index) };
    const { enrolment } = await self.call<NewMachine>('POST', '/v1/machines', body);
    const token = /ame_[\w-]+/.exec(enrolment?.command ?? '')?.[0] ?? '';
    await mkdir(folder(index), { mode: 0o700 });
    await writeFile(join(folder(index), 'enrol-token'), `${token}\n`, { mode: 0o600 });
    self.startAgent(index);
  };
  try {
    settings = (await options.prepare?.(network)) ?? NO_CA;
    await self.startPlane();
    const both = await readFile(join(directory, 'control-plane/agent-tls/certificate-and-key.pem'), 'utf8');
    const certificate =
      /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n/.exec(both)?.[0] ?? '';
    await writeFile(join(directory, 'control-plane.pem'), certificate);
    const spec = { cidrs: ['10.80.0.0/24'], floatingAddresses: [PUBLIC.floating], ...options.vpc };
    await self.call('POST', '/v1/vpcs', { name: 'prod', spec });
    for (const index of network.nodes.keys()) await enrol(index);
    for (const index of network.nodes.keys())
      await waitFor(
        `lb-${index + 1} to be online`,
        async () => (await self.machine(`lb-${index + 1}`)).state === 'online',
        60_000,
      );
  } catch (error) {
    const logs = self.logs();
    await self.end();
    throw new Error(`the machines are not there:\n${logs}`, { cause: error });
  }
  return self;
}

async function endProcess(child: ChildProcess | undefined, how: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(how);
  await exited;
}

/** Whether that is the program's process; the agent is a Node that was told so. */
function isProgram(pid: number, name: string): boolean {
  if (!isRunning(pid)) return false;
  const [program = '', , , verb] = commandLine(pid);
  return name === 'agent' ? verb === 'agent' : program.endsWith(name);
}
