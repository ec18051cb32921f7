import { apiPath } from '../../../../api/client.ts';
import type { BackendWhy } from '../../../../api/load-balancer.ts';
import { defineCommand } from '../../../command.ts';
import { renderWhy } from '../../../output/why.ts';
import { POOL_OPTION, poolQuery } from '../../../pools.ts';

export const why = defineCommand({
  path: ['lb', 'backend', 'why'],
  summary: 'Show why a backend is up or down, with the evidence',
  description:
    'What is checked and where, what the last failed check came to, what the backend answered when the agent looked\nitself, and the last changes. Control characters in answers are written out.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'target', summary: 'The backend', completes: 'backend' },
  ],
  options: POOL_OPTION,
  examples: [
    'agentmetal lb backend why web-lb web-1:8080',
    'agentmetal lb backend why web-lb api-1:9000 --pool api',
  ],
  async run({ api, io, print }, { args, options: { pool } }) {
    const client = await api();
    const { body } = await client.request<BackendWhy>({
      method: 'GET',
      path: apiPath`/v1/load-balancers/${args.name}/backends/${args.target}/why`,
      query: poolQuery(pool),
    });
    await print.object(body, {
      name: body.target,
      text: () => renderWhy(body, { now: io.now(), style: print.style }),
    });
  },
});
