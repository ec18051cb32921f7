import { apiPath } from '../../../api/client.ts';
import type { LoadBalancer } from '../../../api/load-balancer.ts';
import { defineCommand } from '../../command.ts';
import { confirmByName } from '../../prompt.ts';
import { getLoadBalancer } from '../../resources.ts';
import type { CliContext } from '../../session.ts';
import { waitUntilGone } from '../../wait/gone.ts';
import { UNGUARDED_WRITE_OPTIONS, timeoutMs } from '../../write-options.ts';
import { printDryRun } from '../../write.ts';

export const deleteLoadBalancer = defineCommand({
  path: ['lb', 'delete'],
  summary: 'Delete a load balancer',
  description:
    'Its addresses stop answering and its history is gone. The name must be typed, unless --yes is given.',
  args: [{ name: 'name', summary: 'Name or id', completes: 'load-balancer' }],
  options: { yes: { short: 'y', summary: 'Do not ask' }, ...UNGUARDED_WRITE_OPTIONS },
  examples: ['agentmetal lb delete web-lb', 'agentmetal lb delete web-lb --yes'],
  async run(ctx, { args, options }) {
    const limit = timeoutMs(options);
    const api = await ctx.api();
    const lb = await getLoadBalancer(api, args.name);
    const path = apiPath`/v1/load-balancers/${lb.id}`;
    if (options.dryRun) return printDryRun(ctx, { request: { method: 'DELETE', path }, name: lb.name });
    if (!options.yes) {
      const served = lb.status.addresses.length > 0 ? ` It serves on ${lb.status.addresses.join(', ')}.` : '';
      await confirmByName(ctx, { name: lb.name, what: `the load balancer ${lb.name}`, more: served });
    }
    await removeAndWait(ctx, lb, { ...options, limit });
    ctx.progress.stop();
    await ctx.print.object(lb, { text: () => `Load balancer ${lb.name} deleted\n`, name: lb.name });
  },
});

/** The longest that the control plane waits for one request. */
const MAX_WAIT_S = 60;

async function removeAndWait(
  ctx: CliContext,
  lb: LoadBalancer,
  { wait, timeout, limit }: { wait: boolean | undefined; timeout: string; limit: number },
) {
  const api = await ctx.api();
  const request = { method: 'DELETE', path: apiPath`/v1/load-balancers/${lb.id}` } as const;
  if (wait === false) return void (await api.request(request));
  ctx.progress.waiting(`waiting until ${lb.name} has left its machines`);
  // It is gone from the API at once, so only the control plane can tell when its machines have let go of it.
  await api.request({
    ...request,
    headers: { prefer: `wait=${Math.min(MAX_WAIT_S, Math.ceil(limit / 1000))}` },
  });
  await waitUntilGone(ctx, { lb, timeout, timeoutMs: limit });
}
