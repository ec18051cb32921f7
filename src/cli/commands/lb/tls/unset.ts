import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const unset = defineCommand({
  path: ['lb', 'tls', 'unset'],
  summary: 'Take its domains away',
  description: 'An http load balancer listens on 443 all the same, with a placeholder certificate.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: WRITE_OPTIONS,
  examples: ['agentmetal lb tls unset web-lb'],
  async run(ctx, { args, options }) {
    await patchLoadBalancer(ctx, options, { name: args.name, patch: { spec: { tls: null } } });
  },
});
