import { defineCommand } from '../../command.ts';
import { requireChosenContext } from './names.ts';

export const key = defineCommand({
  path: ['context', 'key'],
  summary: 'Print the key of a context',
  description: 'For other programs: nothing but the key is printed. Others must not see it.',
  args: [
    {
      name: 'name',
      summary: 'The context; without it, the one in use',
      optional: true,
      completes: 'context',
    },
  ],
  options: {},
  examples: ['export API_KEY=$(agentmetal context key)', 'agentmetal context key prod'],
  async run({ io, print, options }, { args }) {
    const { name, context } = await requireChosenContext(io.env, args.name ?? options.context);
    await print.object(
      { name, url: context.url, key: context.key },
      { text: () => `${context.key}\n`, name },
    );
  },
});
