import { parseDuration } from '../../../../base/duration.ts';
import { defineCommand } from '../../../command.ts';
import { CliFailure, EXIT, usageError } from '../../../failure.ts';
import { POOL_OPTION } from '../../../pools.ts';
import { waitUntilDrained } from '../../../wait/drained.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { setBackends } from './set-backends.ts';
import { readTargets } from './targets.ts';

export const drain = defineCommand({
  path: ['lb', 'backend', 'drain'],
  summary: 'Let backends finish their clients and take no new ones',
  description:
    'Connections that are open stay open. With --wait, the command ends when none is left, or after --max with exit code 7\nand what is left. Bring them back with: agentmetal lb backend enable NAME TARGET',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'targets', summary: 'The backends', optional: true, variadic: true, completes: 'backend' },
  ],
  options: {
    target: { value: 'HOST:PORT', repeat: true, summary: 'A backend', completes: 'backend' },
    ...POOL_OPTION,
    ...WRITE_OPTIONS,
    wait: {
      negatable: true,
      summary: 'Wait until nothing is open on them any more; without it, until they drain',
    },
    max: { value: 'DURATION', summary: 'How long --wait waits for that, such as 2h', default: '1h' },
  },
  examples: [
    'agentmetal lb backend drain web-lb web-1:8080',
    'agentmetal lb backend drain web-lb web-1:8080 --wait --max 2h',
  ],
  async run(ctx, { args, options }) {
    const { pool, max } = options;
    const maxMs = parseDuration(max);
    if (maxMs === undefined)
      throw usageError(`--max ${JSON.stringify(max)} is not a duration`, 'Write it as 2h, 30m or 90s');
    const targets = readTargets(args.targets, options.target);
    const write = setBackends(ctx, options, { name: args.name, pool, targets, fields: { drain: true } });
    if (options.wait !== true || options.dryRun) return write;
    const degraded = await write.then(() => undefined, degradation);
    await waitUntilDrained(ctx, { name: args.name, pool, targets, max, maxMs });
    if (degraded) throw degraded;
  },
});

/** Something else that is not well does not keep a backend from draining; it is told at the end. */
function degradation(error: unknown): CliFailure {
  if (error instanceof CliFailure && error.exit === EXIT.degraded) return error;
  throw error;
}
