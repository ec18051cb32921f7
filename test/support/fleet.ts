import { createHash } from 'node:crypto';
import type { DesiredState } from '../../src/api/agent.ts';
import type { Machine } from '../../src/api/machines.ts';
import type { Clock } from '../../src/base/clock.ts';
import { type AgentListener, createAgentListener } from '../../src/server/agent-listener/listener.ts';
import type { MachineProvisioner, Provisioning, SshTarget } from '../../src/server/machines/provisioner.ts';
import { startMachineQueue } from '../../src/server/machines/queue.ts';
import { startPlacer } from '../../src/server/placement/placer.ts';
import {
  type CallResult,
  type ControlPlane,
  type PlayedAgent,
  inject,
  playAgent,
  startControlPlane,
} from './control-plane.ts';
import { temporaryDirectory } from './temporary.ts';
import { waitFor } from './wait.ts';

export const PRIVATE_KEY =
  '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LW9mLXRoZS1tYWNoaW5l\n-----END OPENSSH PRIVATE KEY-----\n';
export const HOST_KEY = `SHA256:${'a'.repeat(43)}`;

type Behaviour = MachineProvisioner['provision'];

/** What makes machines ready in these tests: no machine is touched, the test plays its agent. */
export interface PlayedProvisioner extends MachineProvisioner {
  orders: Provisioning[];
  released: SshTarget[];
  /** What the next attempts do, one after another; the last goes on for all that follow. */
  behave(...behaviours: Behaviour[]): void;
  /** What taking a machine off does. */
  onRelease: (target: SshTarget, signal: AbortSignal) => Promise<void>;
}

/** A machine of these tests, with the credential of its agent. */
export interface PlayedMachine {
  token: string;
  agent: PlayedAgent;
  /** Up to which change it has done everything. */
  version: number;
}

export interface Fleet {
  plane: ControlPlane;
  listener: AgentListener;
  provisioner: PlayedProvisioner;
  /** Machines whose agents have enrolled, by name. */
  machines: Map<string, PlayedMachine>;
  call: ControlPlane['call'];
  add(address: string, more?: object): Promise<CallResult>;
  /** Adds a machine and waits until it is ready and free. */
  ready(name: string, address: string, more?: object): Promise<PlayedMachine>;
  show(name: string): Promise<Machine>;
  waitForState(name: string, state: Machine['state']): Promise<Machine>;
  /** Has every machine's agent do what it is told, and report. */
  work(): Promise<void>;
  wake(): void;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface FleetOptions {
  clock?: Clock;
  /** Machines and backends may be on loopback. */
  allowLoopbackBackends?: boolean;
}

let shared: Promise<AgentListener> | undefined;

/** One certificate does for all tests of a file; it is in memory when the folder goes. */
async function makeListener(): Promise<AgentListener> {
  const directory = await temporaryDirectory();
  const listener = await createAgentListener({ listen: '127.0.0.1:0', dataDir: directory.path });
  await directory.remove();
  return listener;
}

export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const listener = await (shared ??= makeListener());
  const machines = new Map<string, PlayedMachine>();
  let plane: ControlPlane;
  const provisioner = playProvisioner(async ({ agent: { token, machine } }) => {
    await enrolPlayed(plane, machines, machine, token);
  });
  plane = await startControlPlane({ agentListener: listener, provisioner, ...options });
  let loops = startLoops(plane);
  const show = async (name: string) => (await plane.call('GET', `/v1/machines/${name}`)).body as Machine;
  const add = (address: string, more: object = {}) =>
    plane.call('POST', '/v1/machines', {
      body: { driver: 'ssh', address, privateKey: PRIVATE_KEY, hostKey: HOST_KEY, ...more },
    });
  const waitForState = async (name: string, state: Machine['state']) =>
    waitFor(`${name} to be ${state}`, async () => {
      const machine = await show(name);
      return machine.state === state ? machine : undefined;
    });
  const fleet: Fleet = {
    plane,
    listener,
    provisioner,
    machines,
    call: (...request) => plane.call(...request),
    add,
    async ready(name, address, more = {}) {
      const answer = await add(address, { name, ...more });
      if (answer.status !== 201) throw new Error(`${name} is not taken in: ${answer.text}`);
      await waitForState(name, 'online');
      const machine = machines.get(name);
      if (!machine) throw new Error(`the agent of ${name} has not enrolled`);
      await follow(machine);
      return machine;
    },
    show,
    waitForState,
    async work() {
      for (const machine of machines.values()) await follow(machine);
    },
    wake: () => plane.server.context.changes.notify('machines'),
    async restart() {
      await loops.stop();
      plane = await plane.restart();
      fleet.plane = plane;
      loops = startLoops(plane);
    },
    async stop() {
      await loops.stop();
      await plane.stop();
    },
  };
  return fleet;
}

function startLoops({ server: { context } }: ControlPlane) {
  const loops = [startMachineQueue(context), startPlacer(context)];
  return { stop: async () => void (await Promise.all(loops.map((loop) => loop.stop()))) };
}

function playProvisioner(usual: Behaviour): PlayedProvisioner {
  let behaviours: Behaviour[] = [];
  const played: PlayedProvisioner = {
    orders: [],
    released: [],
    behave: (...next) => void (behaviours = next),
    hostKeyOf: async () => HOST_KEY,
    async provision(order, onStep, signal) {
      played.orders.push(order);
      const behaviour = behaviours.length > 1 ? behaviours.shift() : behaviours[0];
      onStep({ name: 'connect', state: 'running' });
      await (behaviour ?? usual)(order, onStep, signal);
      onStep({ name: 'connect', state: 'done', detail: 'Debian GNU/Linux 12' });
    },
    onRelease: async () => undefined,
    async release(target, signal) {
      await played.onRelease(target, signal);
      played.released.push(target);
    },
    bundle: async () => import.meta.filename,
    installScript: ({ machine, token }) => `#!/bin/sh\n# ${machine} ${token}\n`,
  };
  return played;
}

/** Plays an agent that enrols and reports for the first time. */
export async function enrolPlayed(
  plane: Pick<ControlPlane, 'app'>,
  machines: Map<string, PlayedMachine>,
  name: string,
  token: string,
): Promise<CallResult> {
  const credential = `amt_of_${name}_by_${token}`;
  const answer = await enrolWith(plane, token, credential);
  if (answer.status !== 200) return answer;
  const agent = playAgent(plane.app, credential);
  machines.set(name, { token: credential, agent, version: 0 });
  await agent.tell({ os: 'Debian GNU/Linux 12 (bookworm)', hostAddresses: ['192.0.2.9', '10.0.0.99'] });
  return answer;
}

export function enrolWith(
  { app }: Pick<ControlPlane, 'app'>,
  token: string,
  credential: string,
): Promise<CallResult> {
  const credentialHash = createHash('sha256').update(credential).digest('hex');
  return inject(app, 'POST', '/v1/agent/enrol', { key: null, body: { token, credentialHash } });
}

/** Takes the orders, says that all of it is live, and asks again, which tells that it is done. */
async function follow(machine: PlayedMachine): Promise<void> {
  const { agent } = machine;
  const { changed, version }: Partial<DesiredState> = await agent.desired(machine.version);
  // One that was removed is told nothing.
  if (!changed || version === undefined) return;
  const reports = changed.map(({ id, revision }) => ({ id, observedRevision: revision, backends: [] }));
  await agent.report(...reports);
  machine.version = version;
  await agent.desired(version);
}
