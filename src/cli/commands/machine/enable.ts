import { apiPath } from '../../../api/client.ts';
import type { Machine } from '../../../api/machines.ts';
import { defineCommand } from '../../command.ts';

export const enable = defineCommand({
  path: ['machine', 'enable'],
  summary: 'Let load balancers have a drained machine again',
  args: [{ name: 'name', summary: 'Name or id', completes: 'machine' }],
  options: {},
  examples: ['agentmetal machine enable lb-1'],
  async run({ api, print }, { args }) {
    const client = await api();
    const path = apiPath`/v1/machines/${args.name}`;
    const { body } = await client.request<Machine>({ method: 'PATCH', path, body: { draining: false } });
    await print.object(body, { text: () => `Machine ${body.name} may be used again\n`, name: body.name });
  },
});
