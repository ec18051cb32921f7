import { defineCommand } from '../../command.ts';
import { formatAge } from '../../output/age.ts';
import { listKeys } from '../../resources.ts';

export const list = defineCommand({
  path: ['key', 'list'],
  summary: 'List API keys, without their secrets',
  args: [],
  options: {},
  examples: ['agentmetal key list'],
  async run({ api, io, print }) {
    await print.list(await listKeys(await api()), {
      columns: [
        { heading: 'NAME', cell: ({ name }) => name },
        { heading: 'ROLE', cell: ({ role }) => role },
        { heading: 'PREFIX', cell: ({ prefix }) => prefix },
        {
          heading: 'LAST-USED',
          cell: ({ lastUsedAt }) =>
            lastUsedAt === null ? 'never' : `${formatAge(lastUsedAt, io.now())} ago`,
        },
        { heading: 'AGE', cell: ({ createdAt }) => formatAge(createdAt, io.now()) },
      ],
      name: ({ name }) => name,
      empty: 'There are no API keys.',
    });
  },
});
