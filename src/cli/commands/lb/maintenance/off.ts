import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const off = defineCommand({
  path: ['lb', 'maintenance', 'off'],
  summary: 'Serve clients again',
  description: 'The page stays for the next time: then it goes on without a reload.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: WRITE_OPTIONS,
  examples: ['agentmetal lb maintenance off web-lb'],
  async run(ctx, { args, options }) {
    await patchLoadBalancer(ctx, options, {
      name: args.name,
      // Where there was none, there is nothing to turn off, and nothing to reload for.
      patch: ({ spec }) => ({ spec: spec.maintenance ? { maintenance: { enabled: false } } : {} }),
    });
  },
});
