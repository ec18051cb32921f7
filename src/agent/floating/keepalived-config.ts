import { isIPv6 } from 'node:net';
import { formatIp, parseIp } from '../../spec/address.ts';
import { ROUTER_IDS } from '../../api/router-id.ts';
import type { FloatingPaths } from './paths.ts';

/** What keepalived is to do for one load balancer on one node. */
export interface KeepalivedOrder {
  id: string;
  /** This node's address in the VPC, and the interface that has it. */
  address: string;
  device: string;
  /** The other nodes' addresses in the VPC. */
  peers: readonly string[];
  /** Addresses that float together, and further ones each by itself. */
  instances: readonly FloatingInstance[];
  /** Whether all other nodes come first, whatever the priorities. */
  isLastResort: boolean;
  /** Whether it runs before all others as it was started; else it has to see to that itself. */
  isUrgent: boolean;
  paths: FloatingPaths;
}

/** Addresses that one node at a time has, all of them: an instance of VRRP. */
export interface FloatingInstance {
  /** What its files are named with; empty for the one that every load balancer has. */
  suffix: string;
  routerId: number;
  /** As the control plane tells it: 150 for the first node, 100 for the second, 99, … */
  priority: number;
  /** Each with the interface that gets it. */
  floating: readonly { address: string; device: string }[];
}

/** What the agent writes when HAProxy does not serve. With the weight 0 it is a fault, whatever the priority. */
export const UNHEALTHY = -254;
/** Name of the instance that every load balancer has; others have a suffix. */
export const INSTANCE = 'floating';
/**
 * Adverts that wait for a busy processor look like a node that is dead. The limit is how long it may run without waiting for
 * anything, in microseconds; it is 10 ms otherwise.
 */
const URGENT = ['vrrp_rt_priority 1', 'vrrp_rlimit_rttime 1000000'];
const HIGHEST = 254;
const SECOND = { ordered: 100, priority: 250 };
/** Apart by so much, one has taken over and said so before the next one would. */
const STEP = 8;
const WIDE_STEP = 24;
/** Behind every other one. */
const LAST = 1;

/**
 * A backup waits (256 - priority) / 256 of an interval longer than three adverts, and only as long when the other one says that
 * it goes. So the priorities are high: in the order that is wanted, but close together.
 */
export function vrrpPriority(ordered: number): number {
  if (ordered > SECOND.ordered) return HIGHEST;
  return Math.max(1, SECOND.priority - (SECOND.ordered - ordered) * STEP);
}

/** The same where addresses are spread: wider apart, because one that goes to another node than it should has to move again. */
export function spreadPriority(ordered: number): number {
  const rank = ordered > SECOND.ordered ? 0 : SECOND.ordered + 1 - ordered;
  return Math.max(LAST + 1, HIGHEST - rank * WIDE_STEP);
}

/**
 * Renders keepalived.conf: VRRP version 3 with an advert every 0.1 s, unicast because many networks have no multicast. A node
 * that comes back does not take the addresses back (`nopreempt`): that would break connections for nothing, and a node
 * that fails again and again would do so each time. Adverts of those that are no peers count (no `vrrp_check_unicast_src`):
 * one that was replaced while it was away is told by a node that it does not know.
 */
export function renderKeepalived(order: KeepalivedOrder): string {
  const { id, instances, paths } = order;
  return `# Floating addresses of load balancer ${word(id)}. Written by the agentmetal agent, which overwrites what is changed here.
${block('global_defs', [
  `router_id ${word(id)}`,
  'vrrp_version 3',
  ...(order.isUrgent ? [] : URGENT),
  'vrrp_garp_master_delay 1',
  'vrrp_garp_master_refresh 5',
  'script_user root',
  'enable_script_security',
])}
${instances
  .map(({ suffix }) =>
    block(`track_file ${word(`health${suffix}`)}`, [
      `file ${quoted(`${paths.health}${suffix}`)}`,
      'weight 0',
    ]),
  )
  .join('\n')}
${block('vrrp_script alive', [`script ${quoted(paths.alive)}`, 'interval 1', 'timeout 1', 'fall 2', 'rise 1', 'weight 0'])}
${instances.map((instance) => renderInstance(order, instance)).join('\n')}`;
}

function renderInstance(order: KeepalivedOrder, { suffix, routerId, priority, floating }: FloatingInstance) {
  const { device } = order;
  const priorityOf = order.instances.length > 1 ? spreadPriority : vrrpPriority;
  const address = ip(order.address);
  const isSix = isIPv6(address);
  const ofFamily = floating.filter((each) => isIPv6(each.address) === isSix);
  const others = floating.filter((each) => isIPv6(each.address) !== isSix);
  // Its own interface is watched anyway.
  const watched = [...new Set(floating.map((each) => each.device))].filter((each) => each !== device);
  // With nobody to tell, it tells the network: without an address to send to, keepalived does so anyway, and complains.
  const told =
    order.peers.length === 0
      ? [`mcast_src_ip ${address}`]
      : [`unicast_src_ip ${address}`, ...nested('unicast_peer', order.peers.map(ip))];
  return block(`vrrp_instance ${word(`${INSTANCE}${suffix}`)}`, [
    'state BACKUP',
    'nopreempt',
    `interface ${deviceName(device)}`,
    `virtual_router_id ${virtualRouter(routerId)}`,
    `priority ${order.isLastResort ? LAST : priorityOf(priority)}`,
    'advert_int 0.1',
    ...told,
    ...nested('virtual_ipaddress', ofFamily.map(addressLine)),
    ...(others.length > 0 ? nested('virtual_ipaddress_excluded', others.map(addressLine)) : []),
    ...(watched.length > 0 ? nested('track_interface', watched.map(deviceName)) : []),
    ...nested('track_file', [`health${suffix}`]),
    ...nested('track_script', ['alive']),
    `notify ${quoted(order.paths.notify)}`,
  ]);
}

function addressLine({ address, device }: { address: string; device: string }): string {
  const text = ip(address);
  return `${text}/${isIPv6(text) ? 128 : 32} dev ${deviceName(device)}`;
}

function block(header: string, lines: readonly string[]): string {
  return `${header} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

function nested(header: string, lines: readonly string[]): string[] {
  return [`${header} {`, ...lines.map((line) => `  ${line}`), '}'];
}

/** @throws when it is no address: it would be read as something else. */
function ip(text: string): string {
  const address = parseIp(text);
  if (!address) throw new Error(`${JSON.stringify(text)} is no IP address`);
  return formatIp(address);
}

/** The kernel takes nearly every character; keepalived reads words. */
function deviceName(text: string): string {
  if (!/^[A-Za-z0-9_.:@-]{1,15}$/.test(text))
    throw new Error(`the interface ${JSON.stringify(text)} cannot be written to keepalived.conf`);
  return text;
}

/** @throws when it is none: keepalived would take another one. */
function virtualRouter(id: number): string {
  if (!Number.isInteger(id) || id < 1 || id > ROUTER_IDS)
    throw new Error(`${JSON.stringify(id)} is no virtual router id`);
  return String(id);
}

function word(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(text))
    throw new Error(`${JSON.stringify(text)} cannot be written to keepalived.conf`);
  return text;
}

/** keepalived knows no escape for a quote, expands `$`, and takes what comes after a space in a script's path as arguments. */
function quoted(path: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/["$!#\\~\u0000-\u0020]/.test(path))
    throw new Error(`the path ${JSON.stringify(path)} cannot be written to keepalived.conf`);
  return `"${path}"`;
}
