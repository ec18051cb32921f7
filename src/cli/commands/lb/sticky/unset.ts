import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { POOL_OPTION, patchOfPool } from '../../../pools.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const unset = defineCommand({
  path: ['lb', 'sticky', 'unset'],
  summary: 'Let each request go to any backend',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: { ...POOL_OPTION, ...WRITE_OPTIONS },
  examples: ['agentmetal lb sticky unset web-lb'],
  async run(ctx, { args, options }) {
    const { pool } = options;
    await patchLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => patchOfPool(before, pool, { sticky: null }),
    });
  },
});
