import { apiPath } from '../../../api/client.ts';
import type { Failover } from '../../../api/failover.ts';
import { defineCommand } from '../../command.ts';

export const failover = defineCommand({
  path: ['lb', 'failover'],
  summary: 'Have another node take over',
  description:
    'The node that has the floating addresses lets another one take them. It keeps serving and stands by from then on.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb failover web-lb'],
  async run({ api, print, progress }, { args }) {
    const client = await api();
    const path = apiPath`/v1/load-balancers/${args.name}/failover`;
    const { body } = await client.request<Failover>({ method: 'POST', path });
    await print.object(body, {
      text: () => `${body.from} has given its floating addresses away\n`,
      name: args.name,
    });
    progress.note(`Next: agentmetal lb show ${args.name}`);
  },
});
