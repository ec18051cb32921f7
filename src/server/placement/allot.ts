import { ROUTER_IDS, preferredRouterId } from '../../api/router-id.ts';
import type { FloatingAddress } from '../../store/load-balancers.ts';
import { firstFreeAddress, hasAddress } from './pool.ts';
import { chooseHomes } from './spread.ts';

/** From so many nodes on each has an address, where they do not all announce one. */
const SPREAD_FROM = 3;

/** A load balancer of a VPC as far as its floating addresses go. */
export interface AddressedBalancer {
  id: string;
  /** How many nodes it should have. */
  nodes: number;
  /** Machines that are its nodes, in their order. */
  machines: readonly string[];
  floating: readonly FloatingAddress[];
  /** Which machine has which address, as far as they have told. */
  holders: ReadonlyMap<string, string>;
  /** How long clients may go on using an address that they are not sent to any more, in milliseconds. */
  keepMs: number;
}

export interface AddressSource {
  /** Addresses and networks that addresses are taken from. */
  pool: readonly string[];
  /** Whether nodes announce addresses, so that one is enough for all of them. */
  isAnnounced: boolean;
  /** Milliseconds since the epoch. */
  now: number;
}

/** How many floating addresses a load balancer is to have. */
export function wantedAddresses(nodes: number, isAnnounced: boolean): number {
  if (nodes < 2) return 0;
  return nodes < SPREAD_FROM || isAnnounced ? 1 : nodes;
}

/**
 * Gives the load balancers of a VPC their floating addresses. The first stays for life, because clients know it; the others come and go
 * with the nodes. One that is not wanted any more is kept for as long as clients may know it.
 * @returns what each has then, in their order.
 */
export function allotAddresses(
  balancers: readonly AddressedBalancer[],
  source: AddressSource,
): FloatingAddress[][] {
  const kept = balancers.map((balancer) => keptOf(balancer, source));
  const taken = new Set(kept.flat().map(({ address }) => address));
  const ids = new Set(kept.flat().map(({ routerId }) => routerId));
  for (const [index, { id, nodes }] of balancers.entries()) {
    const own = kept[index] ?? [];
    while (own.length < wantedAddresses(nodes, source.isAnnounced)) {
      const address = firstFreeAddress(source.pool, (each) => taken.has(each));
      if (address === undefined) break;
      const routerId = newRouterId(id, new Set(own.map((each) => each.routerId)), ids);
      taken.add(address);
      ids.add(routerId);
      own.push({ address, routerId, home: null, isServed: false, freeAt: null });
    }
  }
  return balancers.map((balancer, index) => settled(balancer, kept[index] ?? []));
}

function keptOf(
  { nodes, floating, keepMs }: AddressedBalancer,
  { pool, isAnnounced, now }: AddressSource,
): FloatingAddress[] {
  const wanted = Math.max(1, wantedAddresses(nodes, isAnnounced));
  return floating.flatMap((each, index): FloatingAddress[] => {
    if (index < wanted) return [{ ...each, freeAt: null }];
    const freeAt = each.freeAt ?? now + keepMs;
    return freeAt <= now || !hasAddress(pool, each.address) ? [] : [{ ...each, freeAt }];
  });
}

/** An address has an id that none of the VPC has; where there are more addresses than ids, none of its load balancer. */
function newRouterId(loadBalancerId: string, own: ReadonlySet<number>, all: ReadonlySet<number>): number {
  const preferred = preferredRouterId(loadBalancerId);
  if (own.size === 0 && !all.has(preferred)) return preferred;
  const every = Array.from({ length: ROUTER_IDS }, (_, index) => index + 1);
  return every.find((id) => !all.has(id)) ?? every.find((id) => !own.has(id)) ?? preferred;
}

/** With homes, and with what nodes have shown. One address alone is had by whoever took it last, and is at home there. */
function settled({ machines, holders }: AddressedBalancer, floating: readonly FloatingAddress[]) {
  const seen = floating.map((each) => ({ ...each, holder: holders.get(each.address) }));
  const homes = floating.length > 1 ? chooseHomes(seen, machines) : [];
  return seen.map(({ holder, ...each }, index): FloatingAddress => ({
    ...each,
    home: homes[index] ?? null,
    isServed: each.isServed || holder !== undefined,
  }));
}
