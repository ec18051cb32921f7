import { createHash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import type { BgpOrder } from '../../../api/agent.ts';
import { formatIp, parseIp } from '../../../spec/address.ts';

/**
 * What a node announces: `active` its addresses as all nodes do; `standby` so that routers take it when nobody else is left;
 * `nothing` while its HAProxy does not serve.
 */
export type Announced = 'active' | 'standby' | 'nothing';

/** What BIRD is to do for one load balancer on one node. */
export interface BirdOrder extends BgpOrder {
  id: string;
  /** This node's address in the VPC. */
  address: string;
  /** Addresses that are announced. */
  addresses: readonly string[];
  announced: Announced;
  log: string;
}

/** So many times longer is the path by a node that stands by. */
const PREPENDED = 3;
const LOG_BYTES = 1_000_000;

/**
 * Renders bird.conf. The addresses are static routes in two protocols, of which BIRD takes the preferred one: switching
 * between them replaces an announcement by another one, with nothing in between. A path that is longer, and the
 * community GRACEFUL_SHUTDOWN (RFC 8326), have routers prefer all other nodes.
 */
export function renderBird(order: BirdOrder): string {
  const { id, asn, routers, log, announced } = order;
  const addresses = order.addresses.map(ip);
  const families = ([4, 6] as const).filter((family) => addresses.some((each) => familyOf(each) === family));
  return `# Announcements of load balancer ${word(id)}. Written by the agentmetal agent, which overwrites what is changed here.
log ${quoted(log)} ${LOG_BYTES} ${quoted(`${log}.1`)} { info, remote, warning, error, auth, fatal, bug };
router id ${routerId(order.address)};
protocol device devices { }
protocol bfd bfd_sessions { interface "*" { interval 50 ms; idle tx interval 1 s; multiplier 3; }; }
${families.map((family) => routes('active', family, addresses, announced === 'active')).join('')}${families
    .map((family) => routes('standby', family, addresses, announced !== 'nothing'))
    .join('')}filter announced {
  if proto ~ "active*" then accept;
  if proto ~ "standby*" then {
${`    bgp_path.prepend(${asNumber(asn)});\n`.repeat(PREPENDED)}    bgp_community.add((65535, 0));
    accept;
  }
  reject;
}
${routers.map((router, index) => session(order, router, index)).join('')}`;
}

/** Name of the session with a router, by its place. */
export function sessionName(index: number): string {
  return `router${index + 1}`;
}

function routes(name: string, family: 4 | 6, addresses: readonly string[], isEnabled: boolean): string {
  const own = addresses.filter((each) => familyOf(each) === family);
  return `protocol static ${name}${family} {
${isEnabled ? '' : '  disabled;\n'}  ipv${family} { preference ${name === 'active' ? 200 : 150}; };
${own.map((each) => `  route ${each}/${family === 4 ? 32 : 128} blackhole;\n`).join('')}}
`;
}

function session({ asn }: BirdOrder, router: BgpOrder['routers'][number], index: number): string {
  const address = ip(router.address);
  return `protocol bgp ${sessionName(index)} {
  local as ${asNumber(asn)};
  neighbor ${address} as ${asNumber(router.asn)};
  direct;
  bfd on;
  hold time 9;
  keepalive time 3;
  connect delay time 1;
  connect retry time 1;
  error wait time 1, 5;
${router.password === undefined ? '' : `  password ${quoted(router.password)};\n`}  ipv${familyOf(address)} { import none; export filter announced; next hop self; };
}
`;
}

/** By which routers tell nodes apart; made up for a node that has no IPv4 address. */
function routerId(address: string): string {
  if (isIPv4(address)) return ip(address);
  const bytes = createHash('sha256').update(address).digest().subarray(0, 4);
  return [1 + ((bytes[0] ?? 0) % 223), ...bytes.subarray(1)].join('.');
}

function familyOf(address: string): 4 | 6 {
  return isIPv6(address) ? 6 : 4;
}

/** @throws when it is no address: it would be read as something else. */
function ip(text: string): string {
  const parsed = parseIp(text);
  if (!parsed) throw new Error(`${JSON.stringify(text)} is no IP address`);
  return formatIp(parsed);
}

function asNumber(value: number): string {
  if (!Number.isInteger(value) || value < 1 || value > 4_294_967_294)
    throw new Error(`${JSON.stringify(value)} is no autonomous system`);
  return String(value);
}

function word(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(text))
    throw new Error(`${JSON.stringify(text)} cannot be written to bird.conf`);
  return text;
}

/** BIRD knows no escape for a quote. The text may be a secret, so it is not told. */
function quoted(text: string): string {
  if (!/^[ !#-~]{1,200}$/.test(text)) throw new Error('a text cannot be written to bird.conf');
  return `"${text}"`;
}
