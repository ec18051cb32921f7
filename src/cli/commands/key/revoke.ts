import { apiPath } from '../../../api/client.ts';
import { defineCommand } from '../../command.ts';
import { confirmByName } from '../../prompt.ts';

export const revoke = defineCommand({
  path: ['key', 'revoke'],
  summary: 'Revoke an API key',
  description: 'Whoever uses it is refused from then on. The name must be typed, unless --yes is given.',
  args: [{ name: 'name', summary: 'Name or id', completes: 'key' }],
  options: { yes: { short: 'y', summary: 'Do not ask' } },
  examples: ['agentmetal key revoke deploy', 'agentmetal key revoke deploy --yes'],
  async run(ctx, { args, options }) {
    if (!options.yes) await confirmByName(ctx, { name: args.name, what: `the API key ${args.name}` });
    const api = await ctx.api();
    await api.request({ method: 'DELETE', path: apiPath`/v1/keys/${args.name}` });
    await ctx.print.object(
      { name: args.name, revoked: true },
      { text: () => `Key ${args.name} revoked\n`, name: args.name },
    );
  },
});
