import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_VIRTUAL_MACHINE, type MachineRelease } from '../../../src/spec/vpc-driver.ts';
import { type ContainerMachine, createContainerDriver } from '../../../src/machines/container/driver.ts';
import { openGround } from '../../../src/machines/made/ground.ts';
import { ensureBridge, removeBridge, shortName } from '../../../src/machines/network/links.ts';
import { removeVpcNetwork } from '../../../src/machines/network/networks.ts';
import type { Machine } from '../../../src/machines/driver.ts';
import type { SshConnection } from '../../../src/machines/ssh/connection.ts';
import { findProgram } from '../../../src/host/exec.ts';
import { run } from '../command.ts';
import { CACHE, waitForImages } from './images.ts';

/** Containers and the networks they are in, for one test file. */
export interface MachineWorld {
  /** The address of this process on the network of the machines. */
  gateway: string;
  dataDir: string;
  /** Gives this process another address on that network; answers it. */
  addAddress(host: number): Promise<string>;
  create(options: {
    name: string;
    release: MachineRelease;
    vpc?: string;
    /** Its address in the VPC. Default: one that no other has. */
    address?: string;
  }): Promise<ContainerMachine>;
  close(): Promise<void>;
}

/** A test's own; nothing aborts it. */
export const calm = new AbortController().signal;

const LONG_MS = 5 * 60_000;
const ROOM = 4 * 1024 ** 3;
/** Test files run at the same time, and each has a network of its own. */
const network = `198.18.${process.pid % 250}`;

/** Why containers cannot be had on this host; undefined when they can. */
export async function whyNoContainers(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'machines of tests need root';
  const missing = ['systemd-nspawn', 'mmdebstrap', 'ip'].find((program) => findProgram(program) === program);
  if (missing !== undefined) return `machines of tests need ${missing}`;
  const name = `am-probe-${process.pid}`;
  const { code, stderr } = await run('ip', ['netns', 'add', name], process.env);
  await run('ip', ['netns', 'del', name], process.env);
  return code === 0 ? undefined : `network namespaces cannot be made here: ${stderr.trim()}`;
}

export async function startWorld(): Promise<MachineWorld> {
  await waitForImages();
  const directory = await mkdtemp(join(await roomyFolder(), 'am-'));
  const dataDir = join(directory, 'data');
  const ground = await openGround(dataDir);
  const driver = createContainerDriver({ ground, imageFolder: CACHE });
  // Nodes on it hand each other an address, so they must meet there: it is a bridge of the test's own.
  const bridge = { name: shortName('amt', directory) };
  const networks = { cidr: `${network}.0/24`, bridge: bridge.name, address: '' };
  const gateway = [{ to: 'default', via: `${network}.1` }];
  const vpcs = new Set<string>();
  await ensureBridge(bridge, `${network}.1/24`);
  const machines: ContainerMachine[] = [];
  let numbers = 10;
  return {
    gateway: `${network}.1`,
    dataDir,
    async addAddress(host) {
      await ensureBridge(bridge, `${network}.${host}/24`);
      return `${network}.${host}`;
    },
    async create({ name, release, vpc = 'prod', address }) {
      const number = numbers++;
      vpcs.add(vpc);
      const made = await driver.create(
        {
          id: `${vpc}-${name}`,
          name,
          vpc,
          release,
          nameServers: [],
          virtualMachine: DEFAULT_VIRTUAL_MACHINE,
          network: {
            vpc: { id: vpc, bridge: null, address: '10.90.0.1/24' },
            address: `${address ?? `10.90.0.${number}`}/24`,
            routes: [],
            public: { ...networks, own: `${network}.${number}/24`, routes: gateway },
          },
        },
        calm,
      );
      const machine = { ...made, target: { ...made.target, host: `${network}.${number}` } };
      machines.push(machine);
      await machine.wait(calm);
      return machine;
    },
    async close() {
      for (const machine of machines) await machine.destroy(calm);
      for (const id of vpcs) await removeVpcNetwork(dataDir, { id, bridge: null });
      await removeBridge(bridge);
      await ground.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Machines write much and nobody needs it afterwards, so that memory is best where there is enough of it. */
export async function roomyFolder(): Promise<string> {
  const memory = await statfs('/dev/shm').catch(() => undefined);
  return memory && memory.bavail * memory.bsize > ROOM ? '/dev/shm' : '/tmp';
}

/** Runs a line of shell as root on a machine; a line that fails is a fault of the test. */
export async function onMachine(machine: Machine, line: string): Promise<string> {
  const connection: SshConnection = await machine.connect(calm);
  try {
    const { code, stdout, stderr } = await connection.run('/bin/sh -s', line, LONG_MS);
    if (code !== 0) throw new Error(`${line} ended with ${code}: ${stderr}`);
    return stdout.trim();
  } finally {
    connection.close();
  }
}
