import { apiPath } from '../../../../api/client.ts';
import { defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { getLoadBalancer } from '../../../resources.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { writeLoadBalancer } from '../../../write.ts';
import { SETTING_OPTIONS, givenSettings } from './options.ts';
import { requireBackend } from './targets.ts';

export const set = defineCommand({
  path: ['lb', 'backend', 'set'],
  summary: 'Change the settings of a backend',
  description: 'What is not named stays as it is.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'target', summary: 'The backend', completes: 'backend' },
  ],
  options: {
    ...SETTING_OPTIONS,
    backup: { negatable: true, summary: 'Takes traffic only when all the others are down' },
    drain: { negatable: true, summary: 'Takes no new clients while the present ones finish' },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb backend set web-lb web-1:8080 --weight 5',
    'agentmetal lb backend set web-lb web-1:8080 --no-backup --max-connections 200',
  ],
  async run(ctx, { args, options }) {
    const body = givenSettings(options);
    if (Object.keys(body).length === 0)
      throw usageError('nothing to change is given', 'agentmetal lb backend set --help');
    const before = await getLoadBalancer(await ctx.api(), args.name);
    const path = apiPath`/v1/load-balancers/${before.id}/backends/${requireBackend(before, args.target).target}`;
    await writeLoadBalancer(ctx, options, {
      request: { method: 'PATCH', path, body },
      name: before.name,
      before,
      done: 'updated',
    });
  },
});
