import { apiPath } from '../../../api/client.ts';
import { defineCommand } from '../../command.ts';
import { NODE_OPTION } from '../../node-option.ts';
import { getLoadBalancer } from '../../resources.ts';

export const config = defineCommand({
  path: ['lb', 'config'],
  summary: 'Print the haproxy.cfg that is made from the spec',
  args: [{ name: 'name', summary: 'Name or id', completes: 'load-balancer' }],
  options: { node: { ...NODE_OPTION, summary: 'Machine of the node; the first if not given' } },
  examples: ['agentmetal lb config web-lb', 'agentmetal lb config web-lb --node lb-2'],
  async run({ api, print, progress }, { args, options }) {
    const client = await api();
    const { body } = await client.request<unknown>({
      method: 'GET',
      path: apiPath`/v1/load-balancers/${args.name}/config`,
      query: { node: options.node },
      headers: { accept: 'text/plain, application/json' },
    });
    await print.object(body, { text: () => configText(body), name: args.name });
    if (options.node !== undefined) return;
    const [first, ...others] = (await getLoadBalancer(client, args.name)).status.nodes;
    if (!first || others.length === 0) return;
    const names = others.map(({ machine }) => machine).join(', ');
    progress.note(`This is of node ${first.machine}. Others, by --node: ${names}`);
  },
});

/** Plain text, or an object that holds it. */
function configText(body: unknown): string {
  const text = typeof body === 'string' ? body : (body as { config?: string } | undefined)?.config;
  return text ?? `${JSON.stringify(body, null, 2)}\n`;
}
