import type { LoadBalancer } from '../api/load-balancer.ts';
import { durationMs, formatDuration } from '../base/duration.ts';
import { poolsOf } from '../spec/pools-of.ts';
import { getLoadBalancer } from './resources.ts';
import type { CliContext } from './session.ts';
import { waitForGuard } from './wait/guard.ts';
import { degradation } from './wait/verdict.ts';
import { type WriteOptions, guardMs, timeoutMs } from './write-options.ts';
import { printResult, warnOfNoTraffic } from './write-result.ts';

/** A guarded change that is live. */
export interface Guarded {
  lb: LoadBalancer;
  /** The load balancer as it was. */
  before: LoadBalancer | undefined;
  revision: number;
  /** What was done, for words. */
  done: string;
}

/** Waits until the guard of a change has ended and prints the result; with `--no-wait`, prints it at once. */
export async function endGuarded(ctx: CliContext, options: WriteOptions, guarded: Guarded): Promise<void> {
  const { lb, revision, done } = guarded;
  if (options.wait === false) {
    ctx.progress.stop();
    await printResult(ctx, lb, { done, live: true });
    return ctx.progress.note(`The guard goes on: agentmetal lb revisions ${lb.name} ${revision}`);
  }
  const ms = guardMs(options) ?? 0;
  warnOfShortGuard(ctx, lb, ms);
  const failure = await waitForGuard(ctx, { lb, revision, limitMs: ms + timeoutMs(options) });
  ctx.progress.stop();
  const after = await getLoadBalancer(await ctx.api(), lb.id);
  await printResult(ctx, after, { done: failure?.code === 'guard_restored' ? 'restored' : done, live: true });
  if (failure) throw failure;
  tellWhatIsNotWell(ctx, guarded, after);
  warnOfNoTraffic(ctx, after);
}

/** What was not well before the change either is no failure of it. */
function tellWhatIsNotWell(
  { progress }: CliContext,
  { before, revision }: Guarded,
  after: LoadBalancer,
): void {
  const fault = degradation(after, revision);
  if (!fault) return;
  if (before?.status.state === 'active') throw fault;
  progress.warn(`${fault.message}; before the change it was ${before?.status.state ?? 'not there'}`);
}

/** A guard that ends before a check can find a backend down does not see it. */
function warnOfShortGuard({ progress }: CliContext, { spec }: LoadBalancer, ms: number): void {
  for (const [name, { healthCheck, backends }] of poolsOf(spec)) {
    const needed = durationMs(healthCheck.interval) * healthCheck.fall + durationMs(healthCheck.timeout);
    if (backends.length === 0 || ms >= needed) continue;
    const check = `the check of pool ${name} takes up to ${formatDuration(needed)} to find a backend down`;
    progress.warn(`${check}, which is longer than the guard`);
  }
}
