import { patchLoadBalancer, rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { changeRoute } from '../route/routes.ts';

export const unset = defineCommand({
  path: ['lb', 'rate-limit', 'unset'],
  summary: 'Take a rate limit away',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    route: { value: 'ROUTE', summary: 'The limit of this route, not the general one', completes: 'route' },
    ...WRITE_OPTIONS,
  },
  examples: ['agentmetal lb rate-limit unset web-lb', 'agentmetal lb rate-limit unset web-lb --route login'],
  async run(ctx, { args, options }) {
    const { route } = options;
    if (route === undefined)
      return patchLoadBalancer(ctx, options, { name: args.name, patch: { spec: { rateLimit: null } } });
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => changeRoute(before, route, { rateLimit: undefined }),
    });
  },
});
