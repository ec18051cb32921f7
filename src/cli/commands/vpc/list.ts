import { defineCommand } from '../../command.ts';
import { formatAge } from '../../output/age.ts';
import { listVpcs } from '../../resources.ts';

export const list = defineCommand({
  path: ['vpc', 'list'],
  summary: 'List private networks',
  args: [],
  options: {},
  examples: ['agentmetal vpc list'],
  async run({ api, io, print }) {
    await print.list(await listVpcs(await api()), {
      columns: [
        { heading: 'NAME', cell: ({ name }) => name },
        { heading: 'CIDRS', cell: ({ spec }) => spec.cidrs.join(',') },
        { heading: 'HOSTS', cell: ({ spec }) => String(spec.hosts.length) },
        { heading: 'LOAD-BALANCERS', cell: ({ status }) => status.loadBalancers.join(',') },
        { heading: 'AGE', cell: ({ createdAt }) => formatAge(createdAt, io.now()) },
      ],
      name: ({ name }) => name,
      empty: 'There are no VPCs. Make one: agentmetal vpc create prod --cidr 10.0.0.0/16',
    });
  },
});
