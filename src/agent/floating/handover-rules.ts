import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { formatIp, parseIp } from '../../spec/address.ts';

/** Whom a node hands packets that it has no connection for. */
export interface HandoverOrder {
  id: string;
  /** Addresses of the load balancer that are on all its nodes. */
  floatingAddresses: readonly string[];
  /** This node's address in the VPC, and the interface that has it. */
  address: string;
  device: string;
  /** Addresses of all nodes in the VPC, in the same order on each; this one among them. */
  members: readonly string[];
}

/** Clients' packets have more left, those that nodes hand on fewer: no way through a network is so long. */
const HOPS_BELOW = 32;

/** The table of a load balancer, for one family of addresses. */
export function handoverTable(id: string): string {
  return `agentmetal-${createHash('sha256').update(id).digest('hex').slice(0, 12)}`;
}

/** Takes away what there is of it; what is not there is no fault. */
export function withoutHandover(id: string): string {
  return ['ip', 'ip6']
    .map((family) => `table ${family} ${handoverTable(id)}\ndelete table ${family} ${handoverTable(id)}\n`)
    .join('');
}

/**
 * Rules by which packets of connections reach the node that has them, whichever node they come to: what belongs to no
 * connection here, and begins none, goes on to the next node, from that to the one after, and at the last one to the
 * kernel, which refuses it. How often is counted in the packet's hop limit. Answers go from the node to the client.
 */
export function renderHandover(order: HandoverOrder): string {
  return withoutHandover(order.id) + [false, true].map((isSix) => renderFamily(order, isSix)).join('');
}

function renderFamily(
  { id, floatingAddresses, address, device, members }: HandoverOrder,
  isSix: boolean,
): string {
  const floating = floatingAddresses.map(ip).filter((each) => isIPv6(each) === isSix);
  const ring = members.map(ip).filter((each) => isIPv6(each) === isSix);
  const at = ring.indexOf(ip(address));
  const next = ring[(at + 1) % ring.length];
  if (floating.length === 0 || at === -1 || next === undefined || ring.length < 2) return '';
  const [family, hops] = isSix ? ['ip6', 'ip6 hoplimit'] : ['ip', 'ip ttl'];
  return `table ${family} ${handoverTable(id)} {
  chain arriving {
    type filter hook prerouting priority raw; policy accept;
    ${family} daddr { ${floating.join(', ')} } meta l4proto tcp tcp flags & (syn | ack) != syn jump going-on
  }
  chain going-on {
    # What finds only a listener has no connection here; what finds one that is beginning or ending has no wildcard to ask for.
    socket wildcard 1 goto elsewhere
    socket transparent 0 return
    socket transparent 1 return
    goto elsewhere
  }
  chain elsewhere {
    ${hops} <= 1 return
    ${hops} > ${HOPS_BELOW} ${hops} set ${ring.length}
    dup to ${next} device "${deviceName(device)}" drop
  }
}
`;
}

/** @throws when it is no address: it would be read as something else. */
function ip(text: string): string {
  const parsed = parseIp(text);
  if (!parsed) throw new Error(`${JSON.stringify(text)} is no IP address`);
  return formatIp(parsed);
}

function deviceName(text: string): string {
  if (!/^[A-Za-z0-9_.:@-]{1,15}$/.test(text))
    throw new Error(`the interface ${JSON.stringify(text)} cannot be written into rules`);
  return text;
}
