import type { DesiredLoadBalancer, DesiredPatch } from '../api/agent.ts';
import type { LoadBalancerSpec } from '../spec/load-balancer.ts';
import { applyPatch } from '../spec/patch.ts';

/** The whole of an order that tells what differs from another one; undefined when that is not the one at hand. */
export function patchedOrder(
  present: DesiredLoadBalancer | undefined,
  { base, patches, ...rest }: DesiredPatch,
): DesiredLoadBalancer | undefined {
  if (present?.tag === undefined || present.tag !== base) return undefined;
  const spec = patches.reduce<unknown>((value, patch) => applyPatch(value, patch), present.spec);
  return { ...rest, spec: spec as LoadBalancerSpec };
}
