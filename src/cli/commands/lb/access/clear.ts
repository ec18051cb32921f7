import { defineCommand } from '../../../command.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { type AccessList, clearNetworks } from './change.ts';

export const clear = defineCommand({
  path: ['lb', 'access', 'clear'],
  summary: 'Take networks out of the lists of who may come in and who may not',
  description: 'Without networks, the lists are emptied. Without --allow or --deny, both are meant.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'networks', summary: 'Networks or addresses to take out', optional: true, variadic: true },
  ],
  options: {
    allow: { summary: 'The list of those that may come in' },
    deny: { summary: 'The list of those that may not' },
    ...WRITE_OPTIONS,
  },
  examples: ['agentmetal lb access clear web-lb', 'agentmetal lb access clear web-lb 192.0.2.7 --deny'],
  async run(ctx, { args, options }) {
    const named = (['allow', 'deny'] as const).filter((list) => options[list]);
    const lists: readonly AccessList[] = named.length === 0 ? ['allow', 'deny'] : named;
    await clearNetworks(ctx, options, { name: args.name, lists, networks: args.networks });
  },
});
