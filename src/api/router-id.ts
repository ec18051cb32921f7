import { createHash } from 'node:crypto';

/** VRRP's virtual router ids. */
export const ROUTER_IDS = 255;

/** The virtual router id that a load balancer has unless another one has it: the same wherever it is worked out. */
export function preferredRouterId(loadBalancerId: string): number {
  return (createHash('sha256').update(loadBalancerId).digest().readUInt32BE() % ROUTER_IDS) + 1;
}
