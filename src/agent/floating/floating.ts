import { isDeepStrictEqual } from 'node:util';
import type { LoadBalancerReport, NodeMember, NodeOrder } from '../../api/agent.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ServicePaths } from '../../haproxy/config/paths.ts';
import { createBgp } from './bgp/bgp.ts';
import { type Interfaces, deviceOf } from './devices.ts';
import { createHandover } from './handover.ts';
import { allAddresses } from './instances.ts';
import { floatingPaths } from './paths.ts';
import { createVrrp } from './vrrp.ts';

export interface FloatingOptions {
  id: string;
  /** The programs of keepalived and BIRD. */
  binaries: { keepalived: string; bird: string; birdc: string };
  /** Where the files of the load balancer's HAProxy lie. */
  service: ServicePaths;
  clock: Clock;
  logger: Logger;
  interfaces(): Interfaces;
  /** Whether all backends have been checked: a node that comes has nothing to send clients to before. */
  areBackendsKnown(): boolean;
  /** Called when the role has changed. */
  onChange(): void;
}

export type NodeReport = NonNullable<LoadBalancerReport['node']>;

/** One way in which nodes share addresses. */
export interface Sharing {
  /** Brings it to what is ordered. It never throws: what fails stands in the report and is tried again. */
  tend(order: NodeOrder): Promise<void>;
  /** Tells at once whether HAProxy serves. */
  serving(isServing: boolean): void;
  /**
   * Lets other nodes have the addresses. @returns false when this node has none.
   * @param addresses these alone, and its part in the others stays. Default: all.
   */
  yield(addresses?: readonly string[]): Promise<boolean>;
  /** Takes its part again. @returns false where that happens by itself, or it has not given it up. */
  back(): Promise<boolean>;
  report(): NodeReport | undefined;
  /** Gives the addresses up for good, but goes on answering what reaches it. @returns whether it had any. */
  leave(): Promise<boolean>;
  /** Ends watching and leaves what runs as it is. */
  detach(): void;
  /** Ends all of it and takes the addresses away. */
  remove(): Promise<void>;
}

/** The floating addresses of a load balancer, as far as this node has to do with them. */
export interface Floating extends Omit<Sharing, 'tend' | 'detach'> {
  tend(order: NodeOrder | undefined): Promise<void>;
  /**
   * Gets ready for addresses to move: for a while, packets of connections that another node has are handed to it.
   * @returns false when there is no other node.
   */
  expect(): Promise<boolean>;
  detach(): Promise<void>;
}

/**
 * By VRRP one node at a time has an address, or each has one of several; where the network's routers speak BGP, all nodes
 * announce them.
 */
export function createFloating(options: FloatingOptions): Floating {
  const { id, clock, logger } = options;
  const handover = createHandover({
    id,
    file: floatingPaths(options.service.directory).handover,
    clock,
    logger,
  });
  const ways = { vrrp: createVrrp(options), bgp: createBgp(options) };
  /** Undefined before it is known. */
  let way: keyof typeof ways | undefined;
  let isClear = false;
  let ordered: NodeOrder | undefined;

  /** @param also nodes that may have connections still. */
  const handOver = async (also: readonly NodeMember[] = []) => {
    if (!ordered) return false;
    const members = [...new Set([...ordered.members, ...also].map(({ address }) => address))].sort();
    const floatingAddresses = allAddresses(ordered);
    const device = deviceOf(ordered.address, options.interfaces(), floatingAddresses);
    if (members.length < 2 || device === undefined) return false;
    await handover.open({ ...ordered, floatingAddresses, id, device, members });
    return true;
  };
  const end = async () => {
    await handover.close();
    ordered = undefined;
    for (const each of Object.values(ways)) await each.remove();
    isClear = true;
    way = undefined;
  };

  return {
    async tend(order) {
      if (!order || order.floatingAddresses.length === 0) {
        if (!isClear) await end();
        return;
      }
      const before = ordered?.members;
      ordered = order;
      isClear = false;
      // Who serves changes, and with it who has which connection; what the first order changes is not known.
      if (!isDeepStrictEqual(before, order.members)) await handOver(before);
      const wanted = order.bgp ? 'bgp' : 'vrrp';
      if (way !== wanted) await ways[wanted === 'bgp' ? 'vrrp' : 'bgp'].remove();
      way = wanted;
      await ways[way].tend(order);
    },
    serving: (isServing) => Object.values(ways).forEach((each) => each.serving(isServing)),
    expect: () => handOver(),
    yield: async (addresses) => way !== undefined && ways[way].yield(addresses),
    back: async () => way !== undefined && ways[way].back(),
    leave: async () => way !== undefined && ways[way].leave(),
    report: () => (way === undefined ? undefined : ways[way].report()),
    async detach() {
      for (const each of Object.values(ways)) each.detach();
      if (ordered) await handover.close();
    },
    remove: end,
  };
}
