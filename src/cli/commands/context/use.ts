import { defineCommand } from '../../command.ts';
import { writeContextFile } from '../../context.ts';
import { requireContext } from './names.ts';

export const use = defineCommand({
  path: ['context', 'use'],
  summary: 'Use another control plane from now on',
  args: [{ name: 'name', summary: 'The context', completes: 'context' }],
  options: {},
  examples: ['agentmetal context use prod'],
  async run({ io, print }, { args }) {
    const { file, context } = await requireContext(io.env, args.name);
    await writeContextFile(io.env, { ...file, current: args.name });
    const text = () => `Context ${args.name} is in use: ${context.url}\n`;
    await print.object({ name: args.name, url: context.url }, { text, name: args.name });
  },
});
