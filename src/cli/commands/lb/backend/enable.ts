import { defineCommand } from '../../../command.ts';
import { POOL_OPTION } from '../../../pools.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { setBackends } from './set-backends.ts';
import { readTargets } from './targets.ts';

export const enable = defineCommand({
  path: ['lb', 'backend', 'enable'],
  summary: 'Let drained backends take new clients again',
  description: 'They take traffic after a passing check.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'targets', summary: 'The backends', optional: true, variadic: true, completes: 'backend' },
  ],
  options: {
    target: { value: 'HOST:PORT', repeat: true, summary: 'A backend', completes: 'backend' },
    ...POOL_OPTION,
    ...WRITE_OPTIONS,
  },
  examples: ['agentmetal lb backend enable web-lb web-1:8080'],
  async run(ctx, { args, options }) {
    const targets = readTargets(args.targets, options.target);
    await setBackends(ctx, options, {
      name: args.name,
      pool: options.pool,
      targets,
      fields: { drain: false },
    });
  },
});
