import { apiPath } from '../../../api/client.ts';
import { defineCommand } from '../../command.ts';
import { confirmByName } from '../../prompt.ts';
import { getVpc } from '../../resources.ts';

export const deleteVpc = defineCommand({
  path: ['vpc', 'delete'],
  summary: 'Delete a private network',
  description: 'It must have no load balancers. The name must be typed, unless --yes is given.',
  args: [{ name: 'name', summary: 'Name or id', completes: 'vpc' }],
  options: { yes: { short: 'y', summary: 'Do not ask' } },
  examples: ['agentmetal vpc delete staging', 'agentmetal vpc delete staging --yes'],
  async run(ctx, { args, options }) {
    const api = await ctx.api();
    const vpc = await getVpc(api, args.name);
    if (!options.yes) await confirmByName(ctx, { name: vpc.name, what: `the VPC ${vpc.name}` });
    await api.request({ method: 'DELETE', path: apiPath`/v1/vpcs/${vpc.id}` });
    await ctx.print.object(vpc, { text: () => `VPC ${vpc.name} deleted\n`, name: vpc.name });
  },
});
