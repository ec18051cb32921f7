import { apiPath } from '../../../api/client.ts';
import type { Failover } from '../../../api/failover.ts';
import { defineCommand } from '../../command.ts';

export const failover = defineCommand({
  path: ['lb', 'failover'],
  summary: 'Have another node take over',
  description:
    'The node that has the floating addresses lets another one take them. It keeps serving and stands by from then on.\nWhere several nodes have addresses (three nodes or more, or BGP) name the node:\nthe others come first until it takes its part --back.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    node: {
      value: 'MACHINE',
      summary: 'The node that gives the addresses up, by its machine; the one that has them if not given',
      completes: 'machine',
    },
    back: { summary: 'The node takes its part again' },
  },
  examples: [
    'agentmetal lb failover web-lb',
    'agentmetal lb failover web-lb --node lb-2',
    'agentmetal lb failover web-lb --node lb-2 --back',
  ],
  async run({ api, print, progress }, { args, options }) {
    const client = await api();
    const path = apiPath`/v1/load-balancers/${args.name}/failover`;
    const query = { node: options.node, ...(options.back ? { back: 'true' } : {}) };
    const { body } = await client.request<Failover>({ method: 'POST', path, query });
    const done = options.back ? 'has its floating addresses again' : 'has given its floating addresses away';
    await print.object(body, { text: () => `${body.from} ${done}\n`, name: args.name });
    progress.note(`Next: agentmetal lb show ${args.name}`);
  },
});
