import { defineCommand } from '../../../command.ts';
import { routeColumns } from '../../../output/routes.ts';
import { getLoadBalancer } from '../../../resources.ts';

export const list = defineCommand({
  path: ['lb', 'route', 'list'],
  summary: 'List the routes of a load balancer in the order in which they are tried',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb route list web-lb', 'agentmetal lb route list web-lb -o json'],
  async run({ api, print }, { args }) {
    const { name, spec } = await getLoadBalancer(await api(), args.name);
    await print.list(spec.routes, {
      columns: routeColumns(),
      name: (route) => route.name,
      empty: `${name} has no routes: every request goes to the pool default. Add one: agentmetal lb route add ${name} --path-prefix /api --pool POOL`,
    });
  },
});
