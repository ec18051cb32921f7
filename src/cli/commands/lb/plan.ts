import { apiPath } from '../../../api/client.ts';
import { defineCommand } from '../../command.ts';
import { readSpecFile } from '../../documents.ts';
import { usageError } from '../../failure.ts';
import { getLoadBalancer } from '../../resources.ts';
import { printDryRun } from '../../write.ts';
import { UPDATE_OPTIONS, updatePatch } from './update-options.ts';

export const plan = defineCommand({
  path: ['lb', 'plan'],
  summary: 'Show what a change would do, and change nothing',
  description: 'The change is a file with the whole spec, or the flags of `lb update`.',
  args: [{ name: 'name', summary: 'Name or id', completes: 'load-balancer' }],
  options: {
    file: {
      value: 'FILE',
      short: 'f',
      summary: 'The spec that it should have, YAML or JSON; - is stdin',
      completes: 'file',
    },
    ...UPDATE_OPTIONS,
  },
  examples: ['agentmetal lb plan web-lb --port 8080', 'agentmetal lb plan web-lb -f spec.yaml'],
  async run(ctx, { args, options }) {
    const { file, ...fields } = options;
    const path = apiPath`/v1/load-balancers/${args.name}`;
    if (file === undefined) {
      const body = updatePatch(fields, `agentmetal lb plan ${args.name} -f spec.yaml`);
      return printDryRun(ctx, { name: args.name, request: { method: 'PATCH', path, body } });
    }
    if (hasFields(fields)) throw usageError('give either a file or flags that change fields');
    const before = await getLoadBalancer(await ctx.api(), args.name);
    const body = { name: before.name, labels: before.labels, ...(await readSpecFile(file, ctx.io)) };
    await printDryRun(ctx, { name: before.name, request: { method: 'PUT', path, body } });
  },
});

function hasFields(fields: Record<string, unknown>): boolean {
  return Object.values(fields).some((value) =>
    Array.isArray(value) ? value.length > 0 : value !== undefined,
  );
}
