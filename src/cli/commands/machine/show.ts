import { defineCommand } from '../../command.ts';
import { renderMachine } from '../../output/machine.ts';
import { getMachine } from '../../resources.ts';

export const show = defineCommand({
  path: ['machine', 'show'],
  summary: 'Show one machine and how far it is made ready',
  args: [{ name: 'name', summary: 'Name or id', completes: 'machine' }],
  options: {},
  examples: ['agentmetal machine show lb-1'],
  async run({ api, io, print }, { args }) {
    const machine = await getMachine(await api(), args.name);
    const text = () => renderMachine(machine, { style: print.style, now: io.now() });
    await print.object(machine, { text, name: machine.name });
  },
});
