import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { requireRoute } from './routes.ts';

export const remove = defineCommand({
  path: ['lb', 'route', 'remove'],
  summary: 'Remove routes',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'routes', summary: 'The routes to remove', variadic: true, completes: 'route' },
  ],
  options: WRITE_OPTIONS,
  examples: ['agentmetal lb route remove web-lb canaries'],
  async run(ctx, { args, options }) {
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => {
        const gone = new Set(args.routes.map((route) => requireRoute(before, route).name));
        return { spec: { routes: before.spec.routes.filter(({ name }) => !gone.has(name)) } };
      },
    });
  },
});
