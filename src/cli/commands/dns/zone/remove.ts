import { apiPath } from '../../../../api/client.ts';
import { defineCommand } from '../../../command.ts';
import { confirmByName } from '../../../prompt.ts';
import { getDnsZone } from '../../../resources.ts';

export const remove = defineCommand({
  path: ['dns', 'zone', 'remove'],
  summary: 'Forget a DNS zone',
  description:
    'Load balancers must have no records in it, unless those are to be left as they are. The name must be typed, unless\n--yes is given.',
  args: [{ name: 'name', summary: 'The zone or its id', completes: 'dns-zone' }],
  options: {
    keepRecords: { summary: 'Leave the records of load balancers in DNS, where nobody keeps them any more' },
    yes: { short: 'y', summary: 'Do not ask' },
  },
  examples: [
    'agentmetal dns zone remove example.com',
    'agentmetal dns zone remove example.com --keep-records --yes',
  ],
  async run(ctx, { args, options }) {
    const api = await ctx.api();
    const zone = await getDnsZone(api, args.name);
    if (!options.yes) await confirmByName(ctx, { name: zone.name, what: `the DNS zone ${zone.name}` });
    const query = { keepRecords: options.keepRecords };
    await api.request({ method: 'DELETE', path: apiPath`/v1/dns-zones/${zone.id}`, query });
    await ctx.print.object(zone, { text: () => `DNS zone ${zone.name} removed\n`, name: zone.name });
  },
});
