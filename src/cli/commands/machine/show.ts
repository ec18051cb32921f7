import { defineCommand } from '../../command.ts';
import { formatTime } from '../../output/age.ts';
import { renderSections } from '../../output/sections.ts';
import { paintState } from '../../output/state.ts';
import { getMachine } from '../../resources.ts';

export const show = defineCommand({
  path: ['machine', 'show'],
  summary: 'Show one machine',
  args: [{ name: 'name', summary: 'Name or id', completes: 'machine' }],
  options: {},
  examples: ['agentmetal machine show local'],
  async run({ api, io, print }, { args }) {
    const machine = await getMachine(await api(), args.name);
    const { id, name, driver, state, haproxyVersion, agentVersion, lastReportAt, createdAt } = machine;
    const text = () =>
      renderSections([
        {
          rows: [
            ['ID', id],
            ['Name', name],
            ['Driver', driver],
            ['State', { text: state, paint: (value) => paintState(print.style, value) }],
            ['HAProxy', haproxyVersion ?? 'missing: install it, then look again'],
            ['Agent', agentVersion ?? ''],
            ['Last report', lastReportAt === null ? 'never' : formatTime(lastReportAt, io.now())],
            ['Created', formatTime(createdAt, io.now())],
          ],
        },
      ]);
    await print.object(machine, { text, name });
  },
});
