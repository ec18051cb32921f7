import { defineCommand } from '../../../command.ts';
import { formatAge } from '../../../output/age.ts';
import { listDnsZones } from '../../../resources.ts';

export const list = defineCommand({
  path: ['dns', 'zone', 'list'],
  summary: 'List DNS zones, without their credentials',
  args: [],
  options: {
    selector: {
      value: 'SELECTOR',
      short: 'l',
      summary: 'Only those whose labels match, such as env=prod,!legacy',
    },
  },
  examples: ['agentmetal dns zone list'],
  async run({ api, io, print }, { options }) {
    await print.list(await listDnsZones(await api(), options.selector), {
      columns: [
        { heading: 'NAME', cell: ({ name }) => name },
        { heading: 'PROVIDER', cell: ({ spec }) => spec.provider },
        { heading: 'STATE', cell: ({ status }) => status.state },
        { heading: 'LOAD-BALANCERS', cell: ({ status }) => status.loadBalancers.join(',') },
        { heading: 'AGE', cell: ({ createdAt }) => formatAge(createdAt, io.now()) },
      ],
      name: ({ name }) => name,
      empty: options.selector
        ? `No DNS zone matches ${options.selector}. All of them: agentmetal dns zone list`
        : 'There are no DNS zones. Add one: agentmetal dns zone add example.com --provider PROVIDER',
    });
  },
});
