import { apiPath } from '../../../../api/client.ts';
import type { RateLimitKey, RateLimitList, RateLimitUse } from '../../../../api/rate-limits.ts';
import { defineCommand } from '../../../command.ts';
import { NODE_OPTION, tellMissing } from '../../../node-option.ts';
import { renderSections } from '../../../output/sections.ts';
import type { Style } from '../../../output/style.ts';
import { type Column, renderTable } from '../../../output/table.ts';

export const show = defineCommand({
  path: ['lb', 'rate-limit', 'show'],
  summary: 'Show who is denied, and who asks most',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    node: NODE_OPTION,
    limit: {
      value: 'COUNT',
      integer: true,
      summary: 'Most clients of each limit (1 to 1000; 20 if not given)',
    },
  },
  examples: ['agentmetal lb rate-limit show web-lb', 'agentmetal lb rate-limit show web-lb -o json'],
  async run(ctx, { args, options }) {
    const { api, print } = ctx;
    const client = await api();
    const { body } = await client.request<RateLimitList>({
      method: 'GET',
      path: apiPath`/v1/load-balancers/${args.name}/rate-limit`,
      query: options,
    });
    tellMissing(ctx, body.missing);
    await print.object(body, { text: () => renderLimits(args.name, body, print.style), name: args.name });
  },
});

function renderLimits(name: string, { items }: RateLimitList, style: Style): string {
  if (items.length === 0)
    return `${name} has no rate limit. Set one: agentmetal lb rate-limit set ${name} --requests 100 --window 60s\n`;
  return renderSections(
    items.map((use) => ({ title: titleOf(use), table: renderTable(columns(style), use.keys) })),
  );
}

function titleOf({ name, requests, window, key, action, clients, isComplete }: RateLimitUse): string {
  const what = name === 'all' ? 'All requests' : `Route ${name}`;
  const seen = `${clients} ${clients === 1 ? 'client' : 'clients'}${isComplete ? '' : ', not all of them looked at'}`;
  return `${what}, ${requests} in ${window} by ${key}, ${action}; ${seen}`;
}

function columns(style: Style): Array<Column<RateLimitKey>> {
  return [
    { heading: 'CLIENT', cell: ({ key }) => key },
    { heading: 'ADMITTED', cell: ({ admitted }) => String(admitted) },
    {
      heading: 'DENIED',
      cell: ({ denied }) => String(denied),
      paint: (text, { denied }) => (denied > 0 ? style('red', text) : text),
    },
    { heading: 'ADMITTED-TOTAL', cell: ({ admittedTotal }) => String(admittedTotal) },
    { heading: 'DENIED-TOTAL', cell: ({ deniedTotal }) => String(deniedTotal) },
  ];
}
