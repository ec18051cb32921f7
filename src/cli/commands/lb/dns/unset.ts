import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const unset = defineCommand({
  path: ['lb', 'dns', 'unset'],
  summary: 'Set back how its DNS records are kept',
  description: 'Only the domains of its certificates have records then, with its own addresses.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: WRITE_OPTIONS,
  examples: ['agentmetal lb dns unset web-lb'],
  async run(ctx, { args, options }) {
    await patchLoadBalancer(ctx, options, { name: args.name, patch: { spec: { dns: null } } });
  },
});
