import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { placeRoute, readPosition, requireRoute } from './routes.ts';

export const move = defineCommand({
  path: ['lb', 'route', 'move'],
  summary: 'Change the order in which routes are tried',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'route', summary: 'The route to move', completes: 'route' },
  ],
  options: {
    before: { value: 'ROUTE', summary: 'Put it before this route', completes: 'route' },
    after: { value: 'ROUTE', summary: 'Put it after this route', completes: 'route' },
    first: { summary: 'Put it before all others' },
    last: { summary: 'Put it after all others' },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb route move web-lb canaries --first',
    'agentmetal lb route move web-lb app-example-com-api --before app-example-com',
  ],
  async run(ctx, { args, options }) {
    const position = readPosition(options);
    if (!position)
      throw usageError('no place is given', `agentmetal lb route move ${args.name} ${args.route} --first`);
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => ({
        spec: { routes: placeRoute(before, requireRoute(before, args.route), position) },
      }),
    });
  },
});
