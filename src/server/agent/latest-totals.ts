import type { LoadBalancerReport } from '../../api/agent.ts';

export type ReportedTraffic = NonNullable<LoadBalancerReport['traffic']>;

/**
 * What each node last told of its traffic, for who gathers metrics. Kept in memory: an agent tells it again within
 * seconds of a restart, and it is no reason to write to the store.
 */
export interface LatestTotals {
  record(machineId: string, loadBalancerId: string, traffic: ReportedTraffic): void;
  /** Of every node of the load balancer, by machine. */
  of(loadBalancerId: string): ReadonlyMap<string, ReportedTraffic>;
  /** Forgets load balancers that are no longer there. */
  keepOnly(loadBalancerIds: ReadonlySet<string>): void;
}

export function createLatestTotals(): LatestTotals {
  const latest = new Map<string, Map<string, ReportedTraffic>>();
  return {
    record(machineId, loadBalancerId, traffic) {
      const nodes = latest.get(loadBalancerId) ?? new Map<string, ReportedTraffic>();
      latest.set(loadBalancerId, nodes.set(machineId, traffic));
    },
    of: (loadBalancerId) => latest.get(loadBalancerId) ?? new Map(),
    keepOnly(ids) {
      for (const id of latest.keys()) if (!ids.has(id)) latest.delete(id);
    },
  };
}
