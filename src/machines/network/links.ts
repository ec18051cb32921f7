import { createHash } from 'node:crypto';
import { AppError } from '../../base/errors.ts';
import { exec } from '../../host/exec.ts';

/** A bridge, and in which network namespace it is. */
export interface Bridge {
  name: string;
  /** Absent: that of this process. */
  namespace?: string;
}

export interface Route {
  /** A network, or `default`. */
  to: string;
  /** The router; absent: it is on the link. */
  via?: string;
}

export interface Nic {
  /** Its name in the machine. */
  name: string;
  bridge: Bridge;
  /** Address with the length of the prefix, such as `10.90.0.11/24`. */
  address: string;
  /** What is reached by it beside its own network. */
  routes: readonly Route[];
  /** Whether the bridge's other machines are out of reach, so that it leads to the host alone. */
  isIsolated: boolean;
}

/** A short name that is the same each time: Linux has room for 15 characters in an interface's. */
export function shortName(prefix: string, ...parts: readonly string[]): string {
  return `${prefix}${createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 8)}`;
}

/** Makes a network namespace in which a bridge has the address; both stay as they are when they are there. */
export async function ensureBridge(bridge: Bridge, address: string): Promise<void> {
  if (bridge.namespace !== undefined) await ensureNamespace(bridge.namespace);
  if (!(await hasLink(bridge)))
    await inside(bridge.namespace, `link add ${bridge.name} type bridge forward_delay 0 stp_state 0`);
  await inside(bridge.namespace, `addr replace ${address} dev ${bridge.name}${flags(address)}`);
  await inside(bridge.namespace, `link set ${bridge.name} up`);
}

export async function removeBridge({ name, namespace }: Bridge): Promise<void> {
  if (namespace === undefined) await exec('ip', ['link', 'del', name]);
  else await removeNamespace(namespace);
}

/** @throws AppError `machine_network_failed` when the host has no bridge of that name */
export async function requireBridge(name: string): Promise<void> {
  const { code, stdout } = await exec('ip', ['-o', 'link', 'show', 'dev', name, 'type', 'bridge']);
  if (code === 0 && stdout.trim() !== '') return;
  throw new AppError('machine_network_failed', `there is no bridge ${name} on the control plane’s host`, {
    hint: `Make it (ip link add ${name} type bridge), or name another one of: ip link show type bridge`,
  });
}

/** A network namespace with loopback alone, which forwards nothing. */
export async function ensureNamespace(name: string): Promise<void> {
  const { stdout } = await exec('ip', ['netns', 'list']);
  if (!stdout.split('\n').some((line) => line.split(' ')[0] === name)) await ip(`netns add ${name}`);
  await inside(name, 'link set lo up');
  // A namespace may have taken this over from the host, and would be a way from one network to the other.
  await run('ip', ['netns', 'exec', name, 'sh', '-c', 'echo 0 >/proc/sys/net/ipv4/ip_forward']);
}

export async function removeNamespace(name: string): Promise<void> {
  await exec('ip', ['netns', 'del', name]);
}

/** Plugs a machine's namespace into a bridge; a NIC that is there is given its addresses again. */
export async function plug(namespace: string, nic: Nic): Promise<void> {
  const port = portName(namespace, nic.name);
  if (!(await hasLink({ name: nic.name, namespace }))) {
    await inside(nic.bridge.namespace, `link add ${port} type veth peer name ${nic.name} netns ${namespace}`);
  }
  await enterBridge(port, nic);
  await inside(namespace, `link set ${nic.name} up`);
  await inside(namespace, `addr replace ${nic.address} dev ${nic.name}${flags(nic.address)}`);
  for (const { to, via } of nic.routes) {
    // A router may lie outside of the machine's own network, as where a part of one is routed here.
    const way = via === undefined ? '' : ` via ${via} onlink`;
    await inside(namespace, `route replace ${to}${way} dev ${nic.name}`);
  }
}

/**
 * Plugs an interface of this process's network namespace, such as one that a virtual machine holds, into a bridge. One that
 * is there already stays.
 */
export async function plugPort(port: string, nic: Pick<Nic, 'bridge' | 'isIsolated'>): Promise<void> {
  const { namespace } = nic.bridge;
  if (namespace !== undefined && !(await hasLink({ name: port, namespace })))
    await ip(`link set ${port} netns ${namespace}`);
  await enterBridge(port, nic);
}

async function enterBridge(
  port: string,
  { bridge, isIsolated }: Pick<Nic, 'bridge' | 'isIsolated'>,
): Promise<void> {
  await inside(bridge.namespace, `link set ${port} master ${bridge.name} up`);
  if (isIsolated) await inside(bridge.namespace, `link set ${port} type bridge_slave isolated on`);
}

/** Pulls the cable: what a crash of a whole host does besides ending its processes. */
export async function unplug(namespace: string, nic: Nic): Promise<void> {
  await inside(nic.bridge.namespace, `link set ${portName(namespace, nic.name)} down`);
}

/** Has this host pass nothing on that comes in by a link; what is for the host itself is not concerned. */
export async function forbidPassage(link: string): Promise<void> {
  for (const family of ['-4', '-6']) {
    const rule = `iif ${link} priority ${PASSAGE_PRIORITY} prohibit`;
    const { stdout } = await exec('ip', [family, 'rule', 'list', 'priority', String(PASSAGE_PRIORITY)]);
    if (!stdout.includes(`iif ${link} `)) await ip(`${family} rule add ${rule}`);
  }
}

export async function allowPassage(link: string): Promise<void> {
  const rule = ['iif', link, 'priority', String(PASSAGE_PRIORITY), 'prohibit'];
  for (const family of ['-4', '-6']) await exec('ip', [family, 'rule', 'del', ...rule]);
}

/** Networks of the host's own interfaces, but for one of them: `eth0 192.0.2.5/24`. */
export async function networksBeside(link: string): Promise<{ link: string; network: string }[]> {
  const { stdout } = await exec('ip', ['-o', 'addr', 'show']);
  return [...stdout.matchAll(/^\d+: (\S+)\s+inet6? (\S+)/gm)]
    .map(([, name = '', network = '']) => ({ link: name, network }))
    .filter(({ link: name }) => name !== link);
}

/** Behind the table of what is the host's own (0), and before every other rule. */
const PASSAGE_PRIORITY = 5;

/** The bridge's end of a machine's network card. @param machine its network namespace, or what else it is known by */
export function portName(machine: string, nic: string): string {
  return shortName('amv', machine, nic);
}

async function hasLink({ name, namespace }: Bridge): Promise<boolean> {
  const where = namespace === undefined ? [] : ['-n', namespace];
  return (await exec('ip', [...where, 'link', 'show', 'dev', name])).code === 0;
}

/** IPv6 addresses are of use at once: nobody else can have them here. */
function flags(address: string): string {
  return address.includes(':') ? ' nodad' : '';
}

function inside(namespace: string | undefined, command: string): Promise<void> {
  return ip(`${namespace === undefined ? '' : `-n ${namespace} `}${command}`);
}

/** Every word of it is made here or checked: names by {@link shortName}, addresses by whoever reads the spec. */
function ip(command: string): Promise<void> {
  return run('ip', command.split(' '));
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr, missing } = await exec(program, args);
  if (code === 0) return;
  throw new AppError(
    'machine_network_failed',
    missing ? `there is no ${program} on this host` : `${program} ${args.join(' ')} failed: ${stderr.trim()}`,
    {
      hint: missing
        ? 'apt-get install iproute2'
        : 'Networks of machines need root, network namespaces and bridges.',
    },
  );
}
