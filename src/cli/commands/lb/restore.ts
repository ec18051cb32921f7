import { apiPath } from '../../../api/client.ts';
import { defineCommand } from '../../command.ts';
import { getLoadBalancer } from '../../resources.ts';
import { WRITE_OPTIONS } from '../../write-options.ts';
import { writeLoadBalancer } from '../../write.ts';
import { readRevisionNumber } from './revisions.ts';

export const restore = defineCommand({
  path: ['lb', 'restore'],
  summary: 'Bring back an earlier revision',
  description: 'It becomes a new revision, so that the history stays whole.',
  args: [
    { name: 'name', summary: 'Name or id', completes: 'load-balancer' },
    { name: 'number', summary: 'The revision to bring back' },
  ],
  options: WRITE_OPTIONS,
  examples: ['agentmetal lb restore web-lb 3', 'agentmetal lb restore web-lb 3 --dry-run'],
  async run(ctx, { args, options }) {
    const number = String(readRevisionNumber(args.name, args.number));
    const before = await getLoadBalancer(await ctx.api(), args.name);
    await writeLoadBalancer(ctx, options, {
      request: { method: 'POST', path: apiPath`/v1/load-balancers/${before.id}/revisions/${number}/restore` },
      name: before.name,
      before,
      done: 'restored',
    });
  },
});
