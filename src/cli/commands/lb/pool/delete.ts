import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import { AppError } from '../../../../base/errors.ts';
import { DEFAULT_POOL, routesTo } from '../../../../spec/pools-of.ts';
import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { requirePool } from '../../../pools.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const deletePool = defineCommand({
  path: ['lb', 'pool', 'delete'],
  summary: 'Delete a pool to which no route sends',
  description: 'To bring it back: agentmetal lb restore NAME REVISION',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'pool', summary: 'The pool', completes: 'pool' },
  ],
  options: WRITE_OPTIONS,
  examples: ['agentmetal lb pool delete web-lb canary'],
  async run(ctx, { args, options }) {
    const { name, pool } = args;
    if (pool === DEFAULT_POOL)
      throw usageError(
        'the pool default stays: it takes what no route matches',
        `To empty it: agentmetal lb backend remove ${name} TARGET`,
      );
    await rewriteLoadBalancer(ctx, options, {
      name,
      patch: (before) => {
        requirePool(before, pool);
        refuseInUse(before, pool);
        return { spec: { pools: { [pool]: null } } };
      },
    });
  },
});

function refuseInUse({ name, spec }: LoadBalancer, pool: string): void {
  const routes = routesTo(spec, pool);
  if (routes.length === 0) return;
  const shown =
    routes.slice(0, 10).join(', ') + (routes.length > 10 ? `, and ${routes.length - 10} more` : '');
  throw new AppError('pool_in_use', `routes of ${name} send to the pool ${pool}: ${shown}`, {
    hint: `Remove them or send them elsewhere first: agentmetal lb route remove ${name} ${routes.slice(0, 10).join(' ')}`,
  });
}
