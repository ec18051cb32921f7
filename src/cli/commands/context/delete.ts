import { defineCommand } from '../../command.ts';
import { writeContextFile } from '../../context.ts';
import { requireContext } from './names.ts';

export const deleteContext = defineCommand({
  path: ['context', 'delete'],
  summary: 'Forget a control plane and the key for it',
  description: 'The control plane and the key itself stay as they are.',
  args: [{ name: 'name', summary: 'The context', completes: 'context' }],
  options: {},
  examples: ['agentmetal context delete staging'],
  async run({ io, print }, { args }) {
    const { file } = await requireContext(io.env, args.name);
    const contexts = Object.fromEntries(Object.entries(file.contexts).filter(([name]) => name !== args.name));
    const current = file.current === args.name ? undefined : file.current;
    await writeContextFile(io.env, { ...(current === undefined ? {} : { current }), contexts });
    await print.object(
      { name: args.name },
      { text: () => `Context ${args.name} deleted\n`, name: args.name },
    );
  },
});
