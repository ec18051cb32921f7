import { defineCommand } from '../../../command.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { addNetworks } from './change.ts';

export const allow = defineCommand({
  path: ['lb', 'access', 'allow'],
  summary: 'Let clients of these networks in, and nobody else',
  description:
    'Networks are added to those that may come in. With none on the list, everyone may. Changes at run time.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'networks', summary: 'Networks or addresses', variadic: true },
  ],
  options: WRITE_OPTIONS,
  examples: ['agentmetal lb access allow web-lb 10.0.0.0/8 2001:db8::/32'],
  async run(ctx, { args, options }) {
    await addNetworks(ctx, options, { name: args.name, list: 'allow', networks: args.networks });
  },
});
