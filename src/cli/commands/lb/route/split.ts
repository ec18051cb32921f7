import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { parseSplit } from './parts.ts';
import { changeRoute, requireRoute } from './routes.ts';

export const split = defineCommand({
  path: ['lb', 'route', 'split'],
  summary: 'Say how a route shares its requests between pools',
  description:
    'The pools given are the whole list. New weights of the same pools take effect without a reload. A route to one pool\nbecomes one to several.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'route', summary: 'The route', completes: 'route' },
    { name: 'parts', summary: 'Pools and weights, such as api=80,canary=20', variadic: true },
  ],
  options: WRITE_OPTIONS,
  examples: ['agentmetal lb route split web-lb api api=80,canary=20'],
  async run(ctx, { args, options }) {
    const parts = parseSplit(args.parts);
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => {
        const route = requireRoute(before, args.route);
        if (route.redirect || route.respond)
          throw usageError(
            `${args.route} sends to no pool: it ${route.redirect ? 'redirects' : 'answers'} by itself`,
            `Remove it and add another: agentmetal lb route remove ${args.name} ${args.route}`,
          );
        return changeRoute(before, args.route, { pool: undefined, split: parts });
      },
    });
  },
});
