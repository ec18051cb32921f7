import { defineCommand } from '../../command.ts';
import { contextFilePath } from '../../context.ts';
import { renderSections } from '../../output/sections.ts';
import { requireChosenContext } from './names.ts';

/** So much of a key tells which one it is, and no more. */
const SHOWN_CHARACTERS = 8;

export const show = defineCommand({
  path: ['context', 'show'],
  summary: 'Show a context, without its key',
  args: [
    {
      name: 'name',
      summary: 'The context; without it, the one in use',
      optional: true,
      completes: 'context',
    },
  ],
  options: {},
  examples: ['agentmetal context show', 'agentmetal context show prod'],
  async run({ io, print }, { args }) {
    const { name, file, context } = await requireChosenContext(io.env, args.name);
    const shown = {
      name,
      url: context.url,
      keyPrefix: context.key.slice(0, SHOWN_CHARACTERS),
      current: file.current === name,
    };
    const text = () =>
      renderSections([
        {
          rows: [
            ['Name', name],
            ['URL', shown.url],
            ['Key', `${shown.keyPrefix}…`],
            ['In use', shown.current ? 'yes' : 'no'],
            ['File', contextFilePath(io.env)],
          ],
        },
      ]);
    await print.object(shown, { text, name });
  },
});
