import { defineCommand } from '../../command.ts';
import { formatAge } from '../../output/age.ts';
import { listVpcs } from '../../resources.ts';

export const list = defineCommand({
  path: ['vpc', 'list'],
  summary: 'List private networks',
  args: [],
  options: {
    selector: {
      value: 'SELECTOR',
      short: 'l',
      summary: 'Only those whose labels match, such as env=prod,!legacy',
    },
  },
  examples: ['agentmetal vpc list', 'agentmetal vpc list -l env=prod'],
  async run({ api, io, print }, { options }) {
    await print.list(await listVpcs(await api(), options.selector), {
      columns: [
        { heading: 'NAME', cell: ({ name }) => name },
        { heading: 'CIDRS', cell: ({ spec }) => spec.cidrs.join(',') },
        { heading: 'HOSTS', cell: ({ spec }) => String(spec.hosts.length) },
        { heading: 'LOAD-BALANCERS', cell: ({ status }) => status.loadBalancers.join(',') },
        { heading: 'AGE', cell: ({ createdAt }) => formatAge(createdAt, io.now()) },
      ],
      name: ({ name }) => name,
      empty: options.selector
        ? `No VPC matches ${options.selector}. All of them: agentmetal vpc list`
        : 'There are no VPCs. Make one: agentmetal vpc create prod --cidr 10.0.0.0/16',
    });
  },
});
