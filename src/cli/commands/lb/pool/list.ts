import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import type { Pool } from '../../../../spec/pool.ts';
import { poolsOf, routesTo } from '../../../../spec/pools-of.ts';
import { defineCommand } from '../../../command.ts';
import { describeHealthCheck } from '../../../health-check-text.ts';
import { stickyText } from '../../../output/traffic.ts';
import type { Column } from '../../../output/table.ts';
import { getLoadBalancer } from '../../../resources.ts';

type NamedPool = { name: string } & Pool;

export const list = defineCommand({
  path: ['lb', 'pool', 'list'],
  summary: 'List the pools of a load balancer',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb pool list web-lb'],
  async run({ api, print }, { args }) {
    const lb = await getLoadBalancer(await api(), args.name);
    await print.list(
      poolsOf(lb.spec).map(([name, pool]) => namedPool(name, pool)),
      {
        columns: poolColumns(lb),
        name: ({ name }) => name,
        empty: '',
      },
    );
  },
});

/** The fields of a pool alone: those of the default one stand among the others of the spec. */
function namedPool(name: string, pool: Pool): NamedPool {
  const { algorithm, backends, healthCheck, sticky, protocol, slowStart, failOpen } = pool;
  const optional = {
    ...(sticky === undefined ? {} : { sticky }),
    ...(slowStart === undefined ? {} : { slowStart }),
  };
  return { name, algorithm, backends, healthCheck, protocol, failOpen, ...optional };
}

function poolColumns({ spec, status }: LoadBalancer): Array<Column<NamedPool>> {
  const up = (name: string) =>
    new Set(
      status.backends
        .filter(({ pool, state }) => pool === name && state === 'up')
        .map(({ target }) => target),
    ).size;
  return [
    { heading: 'POOL', cell: ({ name }) => name },
    { heading: 'BACKENDS', cell: ({ name, backends }) => `${up(name)}/${backends.length}` },
    { heading: 'ALGORITHM', cell: ({ algorithm }) => algorithm },
    {
      heading: 'HEALTH-CHECK',
      cell: ({ healthCheck }) => describeHealthCheck(healthCheck).replace(/^health check: /, ''),
    },
    { heading: 'STICKY', cell: ({ sticky }) => stickyText(sticky) },
    { heading: 'ROUTES', cell: ({ name }) => routesTo(spec, name).join(', ') },
  ];
}
