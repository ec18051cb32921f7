import { patchLoadBalancer } from '../../change-spec.ts';
import { defineCommand } from '../../command.ts';
import { WRITE_OPTIONS } from '../../write-options.ts';
import { UPDATE_OPTIONS, updatePatch } from './update-options.ts';

export const update = defineCommand({
  path: ['lb', 'update'],
  summary: 'Change a load balancer',
  description: 'What is not named stays as it is.',
  args: [{ name: 'name', summary: 'Name or id', completes: 'load-balancer' }],
  options: { ...UPDATE_OPTIONS, ...WRITE_OPTIONS },
  examples: [
    'agentmetal lb update web-lb --algorithm leastconn --label env=prod',
    'agentmetal lb update web-lb --no-deletion-protection',
    'agentmetal lb update web-lb --port 8080 --dry-run',
  ],
  async run(ctx, { args, options }) {
    const patch = updatePatch(options, 'agentmetal lb update --help');
    await patchLoadBalancer(ctx, options, { name: args.name, patch });
  },
});
