import { takingOrder } from '../placement/spread.ts';

/** A node of a load balancer whose addresses are spread, as far as that goes. */
export interface SpreadNode {
  machineId: string;
  /** Its agent reports, and it could take addresses. */
  isWell: boolean;
  /** It has given its part up. */
  isLastResort: boolean;
  /** The addresses that it has. */
  holds: readonly string[];
}

/** A load balancer with several floating addresses. */
export interface SpreadBalancer {
  id: string;
  /** In their order, which says with which slot each machine comes when. */
  addresses: readonly { address: string; home: string | null }[];
  /** In their order. */
  nodes: readonly SpreadNode[];
}

/** An address that its holder is to give to the one that comes first for it. */
export interface Move {
  address: string;
  from: string;
  to: string;
}

/** How long a node must have been well before its address comes home, by how often it failed within {@link REMEMBERED_MS}. */
const FIRST_WAIT_MS = 5000;
const WAIT_MS = 60_000;
const MOST_WAIT_MS = 1_800_000;
const REMEMBERED_MS = 3_600_000;

/** What is remembered of the nodes of a load balancer between two looks. */
export interface Watch {
  /** Since when each node is well, by machine; those that are not are missing. */
  wellSince: ReadonlyMap<string, number>;
  /** When each node failed lately. */
  falls: ReadonlyMap<string, readonly number[]>;
  /** The addresses that were at home at the last look. */
  atHome: ReadonlySet<string>;
}

export const NOTHING_SEEN: Watch = { wellSince: new Map(), falls: new Map(), atHome: new Set() };

/** Takes a look: a node that is not well, or has lost its own address without giving it away, has failed. Pure. */
export function watchNodes(before: Watch, { addresses, nodes }: SpreadBalancer, now: number): Watch {
  const wellSince = new Map<string, number>();
  const falls = new Map<string, readonly number[]>();
  const isAtHome = ({ address, home }: SpreadBalancer['addresses'][number]) =>
    nodes.some((node) => node.machineId === home && node.holds.includes(address));
  for (const { machineId, isWell, isLastResort } of nodes) {
    const since = before.wellSince.get(machineId);
    const hasLost = addresses.some(
      (each) => each.home === machineId && before.atHome.has(each.address) && !isAtHome(each),
    );
    const hasFailed = !isLastResort && (hasLost || (since !== undefined && !isWell));
    const lately = (before.falls.get(machineId) ?? []).filter((at) => now - at < REMEMBERED_MS);
    falls.set(machineId, hasFailed ? [...lately, now] : lately);
    if (isWell) wellSince.set(machineId, hasFailed ? now : (since ?? now));
  }
  return { wellSince, falls, atHome: new Set(addresses.filter(isAtHome).map(({ address }) => address)) };
}

/**
 * The next address that should move, one at a time: home, when that has been well for long enough, and away from a node that has
 * given its part up. A node that fails again and again waits longer and longer. Pure.
 */
export function nextMove({ addresses, nodes }: SpreadBalancer, watch: Watch, now: number): Move | undefined {
  const machines = nodes.map(({ machineId }) => machineId);
  for (const [slot, { address, home }] of addresses.entries()) {
    const holders = nodes.filter(({ holds }) => holds.includes(address));
    const [holder] = holders;
    // While it is not clear who has it, nobody is asked for it.
    if (!holder || holders.length > 1 || !holder.isWell) continue;
    const able = takingOrder(home, slot, machines).filter((machineId) =>
      nodes.some((node) => node.machineId === machineId && node.isWell && !node.isLastResort),
    );
    const [to] = able;
    if (to === undefined || to === holder.machineId) continue;
    if (to !== home && !holder.isLastResort) continue;
    const wellFor = now - (watch.wellSince.get(to) ?? now);
    if (wellFor < waitOf(watch.falls.get(to)?.length ?? 0)) continue;
    return { address, from: holder.machineId, to };
  }
  return undefined;
}

function waitOf(falls: number): number {
  return falls === 0 ? FIRST_WAIT_MS : Math.min(WAIT_MS * 2 ** (falls - 1), MOST_WAIT_MS);
}
