import type { LoadBalancer } from '../api/load-balancer.ts';
import { DEFAULT_POOL } from '../spec/pools-of.ts';
import { idlePools, renderResult } from './output/result.ts';
import type { CliContext } from './session.ts';

/** Prints the load balancer that was written. */
export async function printResult(
  { print }: CliContext,
  lb: LoadBalancer,
  state: { done: string; live: boolean },
): Promise<void> {
  await print.object(lb, { text: () => renderResult(lb, state), name: lb.name });
}

/** Tells of pools that no backend serves. */
export function warnOfNoTraffic({ progress }: CliContext, lb: LoadBalancer): void {
  for (const pool of idlePools(lb)) {
    const where = pool === DEFAULT_POOL ? lb.name : `the pool ${pool} of ${lb.name}`;
    progress.warn(
      `no backend of ${where} takes traffic: each is drained or has weight 0. Clients get an error until one does.`,
    );
  }
}
