/** Failed orders of certificates since the control plane started, for its metrics. */
export interface OrderFailures {
  /** Adds failures by domain of a load balancer. */
  add(loadBalancerId: string, more: ReadonlyMap<string, number>): void;
  of(loadBalancerId: string): ReadonlyMap<string, number>;
  /** Forgets load balancers that are gone. */
  keepOnly(loadBalancerIds: ReadonlySet<string>): void;
}

export function createOrderFailures(): OrderFailures {
  const known = new Map<string, Map<string, number>>();
  return {
    add(id, more) {
      if (more.size === 0) return;
      const counts = known.get(id) ?? new Map<string, number>();
      for (const [domain, count] of more) counts.set(domain, (counts.get(domain) ?? 0) + count);
      known.set(id, counts);
    },
    of: (id) => known.get(id) ?? new Map(),
    keepOnly(ids) {
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    },
  };
}
