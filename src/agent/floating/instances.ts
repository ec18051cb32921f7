import type { NodeOrder } from '../../api/agent.ts';
import { preferredRouterId } from '../../api/router-id.ts';
import type { FloatingInstance } from './keepalived-config.ts';

/** Every floating address of a load balancer. */
export function allAddresses({
  floatingAddresses,
  spread = [],
}: Pick<NodeOrder, 'floatingAddresses' | 'spread'>): string[] {
  return [...floatingAddresses, ...spread.map(({ address }) => address)];
}

/**
 * What keepalived is to agree about with the other nodes: the addresses that go together, and each further one for itself.
 * The names of instances say which address they are about, so that none loses its role when others come and go.
 * @param deviceOf the interface that an address goes to.
 */
export function instancesOf(
  id: string,
  order: NodeOrder,
  deviceOf: (address: string) => string,
): FloatingInstance[] {
  const placed = (address: string) => ({ address, device: deviceOf(address) });
  const first = {
    suffix: '',
    routerId: order.routerId ?? preferredRouterId(id),
    priority: order.priority,
    floating: order.floatingAddresses.map(placed),
  };
  const others = (order.spread ?? []).map(({ address, routerId, priority }) => ({
    suffix: `-${routerId}`,
    routerId,
    priority,
    floating: [placed(address)],
  }));
  return [first, ...others];
}
