import type { HeaderChanges } from '../../../../spec/header.ts';
import { defineCommand } from '../../../command.ts';
import { getLoadBalancer } from '../../../resources.ts';

/** What is done with one header. */
interface HeaderRow {
  direction: 'request' | 'response';
  action: 'set' | 'add' | 'remove';
  header: string;
  /** Absent where the header is taken away. */
  value?: string;
}

export const list = defineCommand({
  path: ['lb', 'headers', 'list'],
  summary: 'List the headers that are changed on the way',
  description: 'Those of the load balancer; routes have their own: agentmetal lb route list NAME -o json',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb headers list web-lb', 'agentmetal lb headers list web-lb -o json'],
  async run({ api, print }, { args }) {
    const { name, spec } = await getLoadBalancer(await api(), args.name);
    const { request, response } = spec.headers ?? {};
    await print.list([...rowsOf('request', request), ...rowsOf('response', response)], {
      columns: [
        { heading: 'DIRECTION', cell: ({ direction }) => direction },
        { heading: 'ACTION', cell: ({ action }) => action },
        { heading: 'HEADER', cell: ({ header }) => header },
        { heading: 'VALUE', cell: ({ value }) => value ?? '' },
      ],
      name: ({ header }) => header,
      empty: `${name} changes no headers. Set one: agentmetal lb headers set ${name} --request "X-Env: prod"`,
    });
  },
});

function rowsOf(direction: HeaderRow['direction'], changes: HeaderChanges | undefined): HeaderRow[] {
  if (!changes) return [];
  const valued = (action: 'set' | 'add') =>
    Object.entries(changes[action]).map(([header, value]) => ({ direction, action, header, value }));
  const removed = changes.remove.map((header) => ({ direction, action: 'remove' as const, header }));
  return [...valued('set'), ...valued('add'), ...removed];
}
