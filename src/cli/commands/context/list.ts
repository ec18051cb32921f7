import { defineCommand } from '../../command.ts';
import { readContextFile } from '../../context.ts';

export const list = defineCommand({
  path: ['context', 'list'],
  summary: 'List the control planes that this CLI knows',
  args: [],
  options: {},
  examples: ['agentmetal context list'],
  async run({ io, print }) {
    const { current, contexts } = await readContextFile(io.env);
    const items = Object.entries(contexts).map(([name, { url }]) => ({
      name,
      url,
      current: name === current,
    }));
    await print.list(items, {
      columns: [
        { heading: 'CURRENT', cell: (item) => (item.current ? '*' : '') },
        { heading: 'NAME', cell: ({ name }) => name },
        { heading: 'URL', cell: ({ url }) => url },
      ],
      name: ({ name }) => name,
      empty: 'There are no contexts. Save one: agentmetal context create NAME --url URL',
    });
  },
});
