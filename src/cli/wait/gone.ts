import type { LoadBalancer } from '../../api/load-balancer.ts';
import { CliFailure, EXIT, interruption } from '../failure.ts';
import { findLoadBalancer } from '../resources.ts';
import type { CliContext } from '../session.ts';

const POLL_MS = 150;

/** Waits until a load balancer that is being deleted has left its nodes. */
export async function waitUntilGone(
  ctx: CliContext,
  { lb, timeout, timeoutMs }: { lb: LoadBalancer; timeout: string; timeoutMs: number },
): Promise<void> {
  const api = await ctx.api();
  const deadline = ctx.io.now() + timeoutMs;
  while (await findLoadBalancer(api, lb.id)) {
    ctx.progress.waiting(`waiting until ${lb.name} is gone`);
    if (ctx.io.now() >= deadline) {
      const detail = `${lb.name} is being deleted, but after ${timeout} it is not gone from every node`;
      throw new CliFailure(EXIT.waitTimedOut, 'wait_timeout', detail, { hint: 'agentmetal machine list' });
    }
    await ctx.io.sleep(POLL_MS, ctx.io.signal);
    if (ctx.io.signal.aborted) throw interruption(`The deletion goes on: agentmetal lb list`);
  }
}
