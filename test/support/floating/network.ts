import { run } from '../command.ts';
import { type Namespace, createNamespace } from './namespace.ts';

/** Networks like those of two machines, their backends and a client; the middle has the switches. */
export interface Network {
  middle: Namespace;
  nodes: Namespace[];
  backends: Namespace;
  client: Namespace;
  /** Plugs the network of this process in as well, with these addresses in the VPC and one beside the clients. */
  join(vpc: readonly string[], beside: string): Promise<void>;
  end(): Promise<void>;
}

export const VPC = { backends: '10.80.0.100', node: (index: number) => `10.80.0.${index + 11}` };
export const PUBLIC = {
  client: '203.0.113.200',
  node: (index: number) => `203.0.113.${index + 11}`,
  floating: '203.0.113.100',
  /** Further ones, where each node has one. */
  spread: ['203.0.113.91', '203.0.113.92'],
  /** In no network that clients are in: they reach it by a router alone. */
  announced: '198.51.100.10',
};

/** Interfaces of a node: in the VPC, and to the clients. */
export const NODE_DEVICES = ['eth0', 'eth1'] as const;
export type NodeDevice = (typeof NODE_DEVICES)[number];

/** The other end of a node's cable. */
export function plug(index: number, device: NodeDevice): string {
  return `lb${index + 1}-${device}`;
}

export async function createNetwork(count: number): Promise<Network> {
  const middle = await createNamespace();
  const made: Namespace[] = [middle];
  const add = async () => {
    const one = await createNamespace();
    made.push(one);
    return one;
  };
  for (const bridge of ['vpc', 'public']) {
    await middle.run('ip', 'link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0', 'stp_state', '0');
    await middle.run('ip', 'link', 'set', bridge, 'up');
  }
  const connect = async (
    to: Pick<Namespace, 'pid' | 'run'>,
    device: string,
    name: string,
    bridge: string,
    cidr: string,
  ) => {
    await middle.run(
      'ip',
      'link',
      'add',
      name,
      'type',
      'veth',
      'peer',
      'name',
      device,
      'netns',
      String(to.pid),
    );
    await middle.run('ip', 'link', 'set', name, 'master', bridge, 'up');
    await to.run('ip', 'addr', 'add', cidr, 'dev', device);
    await to.run('ip', 'link', 'set', device, 'up');
  };
  const nodes: Namespace[] = [];
  for (let index = 0; index < count; index++) {
    const node = await add();
    await connect(node, 'eth0', plug(index, 'eth0'), 'vpc', `${VPC.node(index)}/24`);
    await connect(node, 'eth1', plug(index, 'eth1'), 'public', `${PUBLIC.node(index)}/24`);
    nodes.push(node);
  }
  const backends = await add();
  await connect(backends, 'eth0', 'backends', 'vpc', `${VPC.backends}/24`);
  const client = await add();
  await connect(client, 'eth0', 'client', 'public', `${PUBLIC.client}/24`);
  return {
    middle,
    nodes,
    backends,
    client,
    async join(vpc, beside) {
      const own = { pid: process.pid, run: runHere };
      const [first = '', ...more] = vpc;
      await connect(own, 'am-vpc', 'joined-vpc', 'vpc', `${first}/24`);
      for (const address of more) await runHere('ip', 'addr', 'add', `${address}/24`, 'dev', 'am-vpc');
      await connect(own, 'am-public', 'joined-public', 'public', `${beside}/24`);
    },
    end: async () => {
      await Promise.all(made.map((one) => one.end()));
    },
  };
}

async function runHere(...command: string[]): Promise<string> {
  const [program = '', ...args] = command;
  const { code, stdout, stderr } = await run(program, args, process.env);
  if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr.trim()}`);
  return stdout;
}

/** Lets nothing through any more between a node and the rest, though its cables seem to be fine. */
export async function partition({ middle }: Network, index: number): Promise<void> {
  const rules = NODE_DEVICES.flatMap((device) => [
    `add rule bridge partition forward iifname "${plug(index, device)}" drop`,
    `add rule bridge partition forward oifname "${plug(index, device)}" drop`,
  ]);
  const lines = [
    'add table bridge partition',
    'add chain bridge partition forward { type filter hook forward priority 0; }',
    ...rules,
  ];
  for (const line of lines) await middle.run('nft', line);
}

export async function heal({ middle }: Network): Promise<void> {
  await middle.run('nft', 'delete', 'table', 'bridge', 'partition');
}

/** Pulls or plugs in a cable at the switch's end. */
export async function cable(
  { middle }: Network,
  index: number,
  device: NodeDevice,
  state: 'up' | 'down',
): Promise<void> {
  await middle.run('ip', 'link', 'set', plug(index, device), state);
}
