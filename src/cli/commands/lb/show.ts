import { defineCommand } from '../../command.ts';
import { renderLoadBalancer } from '../../output/load-balancer.ts';
import { getLoadBalancer } from '../../resources.ts';

export const show = defineCommand({
  path: ['lb', 'show'],
  summary: 'Show one load balancer: what is wanted, what is seen, and why',
  args: [{ name: 'name', summary: 'Name or id', completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb show web-lb', 'agentmetal lb show web-lb -o json'],
  async run({ api, io, print }, { args }) {
    const lb = await getLoadBalancer(await api(), args.name);
    await print.object(lb, {
      text: () => renderLoadBalancer(lb, { now: io.now(), style: print.style }),
      name: lb.name,
    });
  },
});
