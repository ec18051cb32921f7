import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { POOL_OPTION, patchOfPool } from '../../../pools.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const unset = defineCommand({
  path: ['lb', 'health-check', 'unset'],
  summary: 'Go back to the default check: a tcp connection every 5s',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: { ...POOL_OPTION, ...WRITE_OPTIONS },
  examples: ['agentmetal lb health-check unset web-lb'],
  async run(ctx, { args, options }) {
    await patchLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => patchOfPool(before, options.pool, { healthCheck: null }),
    });
  },
});
