import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { POOL_OPTION, patchOfPool } from '../../../pools.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const set = defineCommand({
  path: ['lb', 'algorithm', 'set'],
  summary: 'Say how a backend is chosen',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'algorithm', summary: 'roundrobin, leastconn, source, random, first, uri or header:NAME' },
  ],
  options: { ...POOL_OPTION, ...WRITE_OPTIONS },
  examples: [
    'agentmetal lb algorithm set web-lb leastconn',
    'agentmetal lb algorithm set web-lb header:X-User --pool api',
  ],
  async run(ctx, { args, options }) {
    await patchLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => patchOfPool(before, options.pool, { algorithm: args.algorithm }),
    });
  },
});
