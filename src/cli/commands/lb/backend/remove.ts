import { apiPath } from '../../../../api/client.ts';
import { rewriteLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { POOL_OPTION, patchOfPool, poolQuery, requirePool } from '../../../pools.ts';
import { getLoadBalancer } from '../../../resources.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { writeLoadBalancer } from '../../../write.ts';
import { readTargets, requireBackend } from './targets.ts';

export const remove = defineCommand({
  path: ['lb', 'backend', 'remove'],
  summary: 'Remove backends',
  description: 'To let their clients finish first, drain them: agentmetal lb backend drain NAME TARGET',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    {
      name: 'targets',
      summary: 'The backends to remove',
      optional: true,
      variadic: true,
      completes: 'backend',
    },
  ],
  options: {
    target: { value: 'HOST:PORT', repeat: true, summary: 'A backend to remove', completes: 'backend' },
    ...POOL_OPTION,
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb backend remove web-lb web-1:8080',
    'agentmetal lb backend remove web-lb --target web-2:8080',
  ],
  async run(ctx, { args, options }) {
    const { pool } = options;
    const targets = readTargets(args.targets, options.target);
    const [only] = targets;
    if (targets.length === 1 && only !== undefined) {
      const before = await getLoadBalancer(await ctx.api(), args.name);
      const { target } = requireBackend(before, pool, only);
      const path = apiPath`/v1/load-balancers/${before.id}/backends/${target}`;
      const request = { method: 'DELETE', path, query: poolQuery(pool) } as const;
      return writeLoadBalancer(ctx, options, { request, name: before.name, before, done: 'updated' });
    }
    await rewriteLoadBalancer(ctx, options, {
      name: args.name,
      patch: (before) => {
        const gone = new Set(targets.map((target) => requireBackend(before, pool, target).target));
        const { backends } = requirePool(before, pool);
        return patchOfPool(before, pool, { backends: backends.filter(({ target }) => !gone.has(target)) });
      },
    });
  },
});
