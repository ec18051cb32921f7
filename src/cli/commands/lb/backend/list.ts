import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import type { Backend } from '../../../../spec/backend.ts';
import { defineCommand } from '../../../command.ts';
import { paintState } from '../../../output/state.ts';
import type { Style } from '../../../output/style.ts';
import type { Column } from '../../../output/table.ts';
import { getLoadBalancer } from '../../../resources.ts';

export const list = defineCommand({
  path: ['lb', 'backend', 'list'],
  summary: 'List the backends of a load balancer',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb backend list web-lb'],
  async run({ api, print }, { args }) {
    const lb = await getLoadBalancer(await api(), args.name);
    await print.list(lb.spec.backends, {
      columns: backendColumns(lb, print.style),
      name: ({ target }) => target,
      empty: `${lb.name} has no backends. Add one: agentmetal lb backend add ${lb.name} --target HOST:PORT`,
    });
  },
});

function backendColumns({ status }: LoadBalancer, style: Style): Array<Column<Backend>> {
  const seen = (target: string) => status.backends.find((backend) => backend.target === target);
  return [
    { heading: 'TARGET', cell: ({ target }) => target },
    { heading: 'WEIGHT', cell: ({ weight }) => String(weight) },
    { heading: 'BACKUP', cell: ({ backup }) => (backup ? 'yes' : 'no') },
    {
      heading: 'MAX-CONNECTIONS',
      cell: ({ maxConnections }) => (maxConnections === 0 ? '' : String(maxConnections)),
    },
    { heading: 'DRAIN', cell: ({ drain }) => (drain ? 'yes' : 'no') },
    {
      heading: 'STATE',
      cell: ({ target }) => seen(target)?.state ?? 'pending',
      paint: (text) => paintState(style, text),
    },
    { heading: 'REASON', cell: ({ target }) => seen(target)?.reason ?? '' },
  ];
}
