import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import type { RateLimit } from '../../../../spec/rate-limit.ts';
import { type LoadBalancerPatch, patchLoadBalancer, rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { given } from '../../../flags.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { changeRoute, requireRoute } from '../route/routes.ts';

export const set = defineCommand({
  path: ['lb', 'rate-limit', 'set'],
  summary: 'Say how much each client may ask for',
  description:
    'What is not named stays as it is. What is let through counts, so that a client above the limit goes on getting the\nlimit. A new number of requests takes effect without a reload.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    requests: { value: 'N', integer: true, summary: 'Requests (tcp: connections) in a window' },
    window: { value: 'DURATION', summary: 'The window, which slides; without it, 60s' },
    action: {
      value: 'ACTION',
      choices: ['deny', 'tarpit', 'drop', 'observe'],
      summary: 'What becomes of the rest: deny, tarpit, drop, or observe (only count); without it, deny',
    },
    key: { value: 'KEY', summary: 'What one client is: source-ip (the default), path or header:NAME' },
    status: { value: 'STATUS', integer: true, summary: 'Status of the answer; without it, 429' },
    exempt: {
      value: 'CIDR',
      repeat: true,
      summary: 'A network without a limit; those given are the whole list',
    },
    clearExempt: { summary: 'No network is without a limit any more' },
    route: {
      value: 'ROUTE',
      summary: 'The limit of this route alone, besides the general one',
      completes: 'route',
    },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb rate-limit set web-lb --requests 100 --window 60s --action deny',
    'agentmetal lb rate-limit set web-lb --requests 5 --window 10s --route login --exempt 10.0.0.0/8',
  ],
  async run(ctx, { args, options }) {
    const { requests, window, action, key, status, route } = options;
    const exempt = options.clearExempt ? [] : options.exempt.length > 0 ? options.exempt : undefined;
    if (options.clearExempt && options.exempt.length > 0)
      throw usageError('give either --exempt or --clear-exempt');
    const limit = given({ requests, window, action, key, status, exempt });
    const line = `agentmetal lb rate-limit set ${args.name} --requests 100 --window 60s --action deny`;
    if (Object.keys(limit).length === 0) throw usageError('nothing to change is given', line);
    const needNumber = (present: object | undefined) => {
      if (!present && requests === undefined) throw usageError('the number of requests is missing', line);
    };
    if (route === undefined) {
      const patch = ({ spec }: LoadBalancer): LoadBalancerPatch => {
        needNumber(spec.rateLimit);
        return { spec: { rateLimit: limit } };
      };
      return patchLoadBalancer(ctx, options, { name: args.name, patch });
    }
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => {
        const { rateLimit } = requireRoute(before, route);
        needNumber(rateLimit);
        return changeRoute(before, route, { rateLimit: { ...rateLimit, ...limit } as RateLimit });
      },
    });
  },
});
