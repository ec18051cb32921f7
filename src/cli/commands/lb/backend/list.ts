import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import { type PoolBackend, allBackends, poolsOf } from '../../../../spec/pools-of.ts';
import { defineCommand } from '../../../command.ts';
import { paintState } from '../../../output/state.ts';
import type { Style } from '../../../output/style.ts';
import type { Column } from '../../../output/table.ts';
import { poolFlag, requirePool } from '../../../pools.ts';
import { getLoadBalancer } from '../../../resources.ts';

export const list = defineCommand({
  path: ['lb', 'backend', 'list'],
  summary: 'List the backends of a load balancer',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    pool: { value: 'POOL', summary: 'Those of this pool alone; without it, those of all', completes: 'pool' },
  },
  examples: ['agentmetal lb backend list web-lb', 'agentmetal lb backend list web-lb --pool api'],
  async run({ api, print }, { args, options: { pool } }) {
    const lb = await getLoadBalancer(await api(), args.name);
    if (pool !== undefined) requirePool(lb, pool);
    const members = allBackends(lb.spec).filter((each) => pool === undefined || each.pool === pool);
    await print.list(members, {
      columns: backendColumns(lb, print.style),
      name: ({ backend }) => backend.target,
      empty: `${lb.name} has no backends${pool === undefined ? '' : ` in the pool ${pool}`}. Add one: agentmetal lb backend add ${lb.name}${poolFlag(pool ?? 'default')} --target HOST:PORT`,
      value: {
        items: members.map(({ pool: name, backend }) => ({ ...backend, pool: name })),
        nextCursor: null,
      },
    });
  },
});

function backendColumns({ spec, status }: LoadBalancer, style: Style): Array<Column<PoolBackend>> {
  const seen = ({ pool, backend }: PoolBackend) =>
    status.backends.find((each) => each.pool === pool && each.target === backend.target);
  return [
    { heading: 'TARGET', cell: ({ backend }) => backend.target },
    ...(poolsOf(spec).length > 1 ? [{ heading: 'POOL', cell: ({ pool }: PoolBackend) => pool }] : []),
    { heading: 'WEIGHT', cell: ({ backend }) => String(backend.weight) },
    { heading: 'BACKUP', cell: ({ backend }) => (backend.backup ? 'yes' : 'no') },
    {
      heading: 'MAX-CONNECTIONS',
      cell: ({ backend }) => (backend.maxConnections === 0 ? '' : String(backend.maxConnections)),
    },
    { heading: 'DRAIN', cell: ({ backend }) => (backend.drain ? 'yes' : 'no') },
    {
      heading: 'STATE',
      cell: (member) => seen(member)?.state ?? 'pending',
      paint: (text) => paintState(style, text),
    },
    { heading: 'REASON', cell: (member) => seen(member)?.reason ?? '' },
  ];
}
