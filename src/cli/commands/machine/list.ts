import type { Machine } from '../../../api/machines.ts';
import { defineCommand } from '../../command.ts';
import { formatAge } from '../../output/age.ts';
import { paintState } from '../../output/state.ts';
import { listMachines } from '../../resources.ts';

/** What it serves, and who serves in its place. */
function loadBalancerText({ loadBalancer, lost }: Machine): string {
  if (!lost || lost.replacedBy === null) return loadBalancer ?? '';
  return `${lost.loadBalancer} → ${lost.replacedBy}`;
}

export const list = defineCommand({
  path: ['machine', 'list'],
  summary: 'List the machines that run load balancers',
  args: [],
  options: {
    selector: {
      value: 'SELECTOR',
      short: 'l',
      summary: 'Only those whose labels match, such as rack=a,!old',
    },
  },
  examples: ['agentmetal machine list', 'agentmetal machine list -l rack=a'],
  async run({ api, io, print }, { options }) {
    await print.list(await listMachines(await api(), options.selector), {
      columns: [
        { heading: 'NAME', cell: ({ name }) => name },
        { heading: 'DRIVER', cell: ({ driver }) => driver },
        { heading: 'STATE', cell: ({ state }) => state, paint: (text) => paintState(print.style, text) },
        { heading: 'VPC', cell: ({ vpc }) => vpc ?? '' },
        { heading: 'ADDRESS', cell: ({ address }) => address ?? '' },
        { heading: 'LOAD-BALANCER', cell: loadBalancerText },
        {
          heading: 'HAPROXY',
          cell: ({ haproxyVersion, lastReportAt }) =>
            haproxyVersion ?? (lastReportAt === null ? '' : 'missing'),
        },
        { heading: 'AGENT', cell: ({ agentVersion }) => agentVersion ?? '' },
        {
          heading: 'LAST-REPORT',
          cell: ({ lastReportAt }) =>
            lastReportAt === null ? 'never' : `${formatAge(lastReportAt, io.now())} ago`,
        },
      ],
      name: ({ name }) => name,
      empty: options.selector
        ? `No machine matches ${options.selector}. All of them: agentmetal machine list`
        : 'There are no machines. `agentmetal up` makes this host one.',
    });
  },
});
