import { defineCommand } from '../../../command.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { setBackends } from './set-backends.ts';
import { readTargets } from './targets.ts';

export const drain = defineCommand({
  path: ['lb', 'backend', 'drain'],
  summary: 'Let backends finish their clients and take no new ones',
  description:
    'Connections that are open stay open. Bring them back with: agentmetal lb backend enable NAME TARGET',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'targets', summary: 'The backends', optional: true, variadic: true, completes: 'backend' },
  ],
  options: {
    target: { value: 'HOST:PORT', repeat: true, summary: 'A backend', completes: 'backend' },
    ...WRITE_OPTIONS,
  },
  examples: ['agentmetal lb backend drain web-lb web-1:8080'],
  async run(ctx, { args, options }) {
    const targets = readTargets(args.targets, options.target);
    await setBackends(ctx, options, { name: args.name, targets, fields: { drain: true } });
  },
});
