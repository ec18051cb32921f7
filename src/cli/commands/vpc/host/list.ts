import { defineCommand } from '../../../command.ts';
import { getVpc } from '../../../resources.ts';
import { HOST_COLUMNS } from './columns.ts';

export const list = defineCommand({
  path: ['vpc', 'host', 'list'],
  summary: 'List the hosts of a private network',
  args: [{ name: 'vpc', summary: 'Name or id of the VPC', completes: 'vpc' }],
  options: {},
  examples: ['agentmetal vpc host list prod'],
  async run({ api, print }, { args }) {
    const { name: vpc, spec } = await getVpc(await api(), args.vpc);
    await print.list(spec.hosts, {
      columns: HOST_COLUMNS,
      name: ({ name }) => name,
      empty: `${vpc} has no hosts. Add one: agentmetal vpc host add ${vpc} web-1 ADDRESS`,
    });
  },
});
