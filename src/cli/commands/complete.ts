import { candidates } from '../complete/candidates.ts';
import { defineCommand } from '../command.ts';
import { createSession } from '../session.ts';

export const complete = defineCommand({
  path: ['__complete'],
  summary: 'Tell a shell what may stand next',
  args: [
    { name: 'words', summary: 'The words so far, the last one unfinished', optional: true, variadic: true },
  ],
  options: {},
  examples: ['agentmetal __complete -- lb show ""'],
  hidden: true,
  async run({ io, options, print }, { args }) {
    const found = await candidates(args.words, (given) => createSession(io, { ...options, ...given }));
    print.text(
      found.map(({ text, summary }) => `${summary === undefined ? text : `${text}\t${summary}`}\n`).join(''),
    );
  },
});
