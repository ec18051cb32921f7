import { defineCommand } from '../../../command.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { addNetworks } from './change.ts';

export const deny = defineCommand({
  path: ['lb', 'access', 'deny'],
  summary: 'Shut clients of these networks out',
  description:
    'Networks are added to those that may not come in, even when the other list names them. Changes at run time.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'networks', summary: 'Networks or addresses', variadic: true },
  ],
  options: WRITE_OPTIONS,
  examples: ['agentmetal lb access deny web-lb 192.0.2.7 198.51.100.0/24'],
  async run(ctx, { args, options }) {
    await addNetworks(ctx, options, { name: args.name, list: 'deny', networks: args.networks });
  },
});
