import { apiPath } from '../../../api/client.ts';
import { defineCommand } from '../../command.ts';

export const config = defineCommand({
  path: ['lb', 'config'],
  summary: 'Print the haproxy.cfg that is made from the spec',
  args: [{ name: 'name', summary: 'Name or id', completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb config web-lb'],
  async run({ api, print }, { args }) {
    const client = await api();
    const { body } = await client.request<unknown>({
      method: 'GET',
      path: apiPath`/v1/load-balancers/${args.name}/config`,
      headers: { accept: 'text/plain, application/json' },
    });
    await print.object(body, { text: () => configText(body), name: args.name });
  },
});

/** Plain text, or an object that holds it. */
function configText(body: unknown): string {
  const text = typeof body === 'string' ? body : (body as { config?: string } | undefined)?.config;
  return text ?? `${JSON.stringify(body, null, 2)}\n`;
}
