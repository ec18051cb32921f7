import { defineCommand } from '../../command.ts';
import { loadBalancerColumns } from '../../output/load-balancer-columns.ts';
import { listLoadBalancers } from '../../resources.ts';

export const list = defineCommand({
  path: ['lb', 'list'],
  summary: 'List load balancers',
  args: [],
  options: {
    selector: {
      value: 'SELECTOR',
      short: 'l',
      summary: 'Only those whose labels match, such as env=prod,!legacy',
    },
  },
  examples: ['agentmetal lb list', 'agentmetal lb list -l env=prod', 'agentmetal lb list -o name'],
  async run({ api, io, print }, { options }) {
    const items = await listLoadBalancers(await api(), options.selector);
    await print.list(items, {
      columns: loadBalancerColumns(io.now(), print.style),
      name: ({ name }) => name,
      empty: options.selector
        ? `No load balancer matches ${options.selector}. All of them: agentmetal lb list`
        : 'There are no load balancers. Make one: agentmetal lb create --name web-lb --type http',
    });
  },
});
