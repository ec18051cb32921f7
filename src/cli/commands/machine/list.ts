import { defineCommand } from '../../command.ts';
import { formatAge } from '../../output/age.ts';
import { paintState } from '../../output/state.ts';
import { listMachines } from '../../resources.ts';

export const list = defineCommand({
  path: ['machine', 'list'],
  summary: 'List the machines that run load balancers',
  args: [],
  options: {},
  examples: ['agentmetal machine list'],
  async run({ api, io, print }) {
    await print.list(await listMachines(await api()), {
      columns: [
        { heading: 'NAME', cell: ({ name }) => name },
        { heading: 'DRIVER', cell: ({ driver }) => driver },
        { heading: 'STATE', cell: ({ state }) => state, paint: (text) => paintState(print.style, text) },
        { heading: 'HAPROXY', cell: ({ haproxyVersion }) => haproxyVersion ?? 'missing' },
        { heading: 'AGENT', cell: ({ agentVersion }) => agentVersion ?? '' },
        {
          heading: 'LAST-REPORT',
          cell: ({ lastReportAt }) =>
            lastReportAt === null ? 'never' : `${formatAge(lastReportAt, io.now())} ago`,
        },
      ],
      name: ({ name }) => name,
      empty: 'There are no machines. `agentmetal up` makes this host one.',
    });
  },
});
