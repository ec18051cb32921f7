import { AppError } from '../../../base/errors.ts';
import { defineCommand } from '../../command.ts';
import { contextFilePath, readContextFile } from '../../context.ts';
import { renderSections } from '../../output/sections.ts';
import { requireContext } from './names.ts';

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
    const name = args.name ?? (await readContextFile(io.env)).current;
    if (name === undefined)
      throw new AppError('not_found', 'no context is in use', { hint: 'agentmetal context list' });
    const { file, context } = await requireContext(io.env, name);
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
