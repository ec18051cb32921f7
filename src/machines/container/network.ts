import { createHash } from 'node:crypto';
import { exec } from '../../host/exec.ts';
import { AppError } from '../../base/errors.ts';

/** A bridge, and in which network namespace it is. */
export interface Bridge {
  name: string;
  /** Absent: that of this process. */
  namespace?: string;
}

export interface Nic {
  /** Its name in the machine. */
  name: string;
  bridge: Bridge;
  /** Address with the length of the prefix, such as `10.90.0.11/24`. */
  address: string;
  /** Where everything else goes; absent: nowhere. */
  gateway?: string;
}

/** A short name that is the same each time: Linux has room for 15 characters in an interface's. */
export function shortName(prefix: string, ...parts: readonly string[]): string {
  return `${prefix}${createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 8)}`;
}

/** Makes a network namespace in which a bridge has the address; both stay as they are when they are there. */
export async function ensureBridge(bridge: Bridge, address: string): Promise<void> {
  if (bridge.namespace !== undefined) await ensureNamespace(bridge.namespace);
  if (await has(bridge.namespace, bridge.name)) return;
  await inside(bridge.namespace, `link add ${bridge.name} type bridge forward_delay 0 stp_state 0`);
  await inside(bridge.namespace, `addr add ${address} dev ${bridge.name}`);
  await inside(bridge.namespace, `link set ${bridge.name} up`);
}

export async function removeBridge({ name, namespace }: Bridge): Promise<void> {
  if (namespace === undefined) await exec('ip', ['link', 'del', name]);
  else await exec('ip', ['netns', 'del', namespace]);
}

/** A network namespace with loopback alone. */
export async function ensureNamespace(name: string): Promise<void> {
  const { stdout } = await exec('ip', ['netns', 'list']);
  if (stdout.split('\n').some((line) => line.split(' ')[0] === name)) return;
  await ip(`netns add ${name}`);
  await inside(name, 'link set lo up');
}

export async function removeNamespace(name: string): Promise<void> {
  await exec('ip', ['netns', 'del', name]);
}

/** Plugs a machine's namespace into a bridge; a NIC that is there is given its addresses again. */
export async function plug(namespace: string, nic: Nic): Promise<void> {
  const port = portName(namespace, nic.name);
  if (!(await has(namespace, nic.name))) {
    await inside(nic.bridge.namespace, `link add ${port} type veth peer name ${nic.name} netns ${namespace}`);
  }
  await inside(nic.bridge.namespace, `link set ${port} master ${nic.bridge.name} up`);
  await inside(namespace, `addr replace ${nic.address} dev ${nic.name}`);
  await inside(namespace, `link set ${nic.name} up`);
  if (nic.gateway !== undefined) await inside(namespace, `route replace default via ${nic.gateway}`);
}

/** Pulls the cable: what a crash of a whole host does besides ending its processes. */
export async function unplug(namespace: string, nic: Nic): Promise<void> {
  await inside(nic.bridge.namespace, `link set ${portName(namespace, nic.name)} down`);
}

function portName(namespace: string, nic: string): string {
  return shortName('amv', namespace, nic);
}

async function has(namespace: string | undefined, link: string): Promise<boolean> {
  const where = namespace === undefined ? [] : ['-n', namespace];
  return (await exec('ip', [...where, 'link', 'show', 'dev', link])).code === 0;
}

function inside(namespace: string | undefined, command: string): Promise<void> {
  return ip(`${namespace === undefined ? '' : `-n ${namespace} `}${command}`);
}

/** Every word of it is made here or checked: names by {@link shortName}, addresses by whoever reads the spec. */
async function ip(command: string): Promise<void> {
  const { code, stderr, missing } = await exec('ip', command.split(' '));
  if (code === 0) return;
  throw new AppError(
    'machine_network_failed',
    missing ? 'there is no ip on this host' : `ip ${command} failed: ${stderr.trim()}`,
    {
      hint: missing ? 'apt-get install iproute2' : 'Networks of containers need root and network namespaces.',
    },
  );
}
