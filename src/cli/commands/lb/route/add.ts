import { AppError } from '../../../../base/errors.ts';
import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import { completeRoutes } from '../../../../spec/route-name.ts';
import type { Route } from '../../../../spec/route.ts';
import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { routeText } from '../../../output/routes.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { ACTION_OPTIONS, CHANGE_OPTIONS, MATCH_OPTIONS, readRoute } from './options.ts';
import { placeRoute, readPosition, routeThatHides } from './routes.ts';

export const add = defineCommand({
  path: ['lb', 'route', 'add'],
  summary: 'Add a route: which requests, and what to do with them',
  description:
    'All of what is matched must apply; several hosts or methods are alternatives. Routes are tried in order and the first\nthat matches decides, so a narrow one stands before a wide one: --first or --before. What none matches goes to the pool\ndefault. For tcp, routes go by the server name (SNI): --host and --pool.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    ...MATCH_OPTIONS,
    ...ACTION_OPTIONS,
    ...CHANGE_OPTIONS,
    name: { value: 'NAME', summary: 'Name of the route; without it, made from what it matches' },
    before: { value: 'ROUTE', summary: 'Put it before this route', completes: 'route' },
    after: { value: 'ROUTE', summary: 'Put it after this route', completes: 'route' },
    first: { summary: 'Put it before all others; without a place it comes last' },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb route add web-lb --host app.example.com --path-prefix /api --pool api',
    'agentmetal lb route add web-lb --path-prefix /api --split api=90,canary=10 --rewrite-path-prefix /',
    'agentmetal lb route add web-lb --header "X-Canary: 1" --pool canary --first --name canaries',
    'agentmetal lb route add web-lb --host example.com --redirect https://www.example.com --status 301',
    'agentmetal lb route add web-lb --path /robots.txt --respond 200 --body "User-agent: *"',
  ],
  async run(ctx, { args, options }) {
    const fields = readRoute(options);
    const position = readPosition(options);
    let told = '';
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => {
        const route = named(before, {
          ...fields,
          ...(options.name === undefined ? {} : { name: options.name }),
        });
        const routes = placeRoute(before, route, position);
        const text = `route ${route.name}: ${routeText(route)}`;
        if (text !== told) ctx.progress.step(text);
        told = text;
        const hiding = routeThatHides(routes, route.name);
        if (hiding) ctx.progress.warn(hiddenText(before.name, route.name, hiding.name));
        return { spec: { routes } };
      },
    });
  },
});

/** The route with its name, which no other may have. */
function named({ name, spec }: LoadBalancer, route: Omit<Route, 'name'> & { name?: string }): Route {
  const taken = route.name !== undefined && spec.routes.some((each) => each.name === route.name);
  if (taken)
    throw new AppError('name_taken', `${name} has a route ${route.name} already`, {
      hint: `Choose another name, or remove that one first: agentmetal lb route remove ${name} ${route.name}`,
    });
  return completeRoutes([...spec.routes, route]).at(-1) as Route;
}

function hiddenText(name: string, route: string, hiding: string): string {
  return `no request reaches ${route}: ${hiding}, which stands before it, takes them all. Move it: agentmetal lb route move ${name} ${route} --before ${hiding}`;
}
