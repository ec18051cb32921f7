import { apiPath } from '../../../api/client.ts';
import type { AgentRollout, Machine } from '../../../api/machines.ts';
import { defineCommand } from '../../command.ts';
import { usageError } from '../../failure.ts';
import { MACHINES } from '../../resources.ts';

export const upgrade = defineCommand({
  path: ['machine', 'upgrade'],
  summary: 'Upgrade the agents of machines to the version of the control plane',
  description:
    'One after another, free machines first; HAProxy serves on meanwhile. A new agent that does not report within a minute is\ntaken off by its machine, and no further one is begun. Without anything it says how far that is.',
  args: [{ name: 'name', summary: 'Name or id of one machine', optional: true, completes: 'machine' }],
  options: {
    all: { summary: 'Go on with every machine that has another version' },
    pause: { summary: 'Begin no further one' },
  },
  examples: [
    'agentmetal machine upgrade',
    'agentmetal machine upgrade lb-1',
    'agentmetal machine upgrade --all',
  ],
  async run({ api, print }, { args, options }) {
    const { all, pause } = options;
    if ([args.name !== undefined, all, pause].filter(Boolean).length > 1)
      throw usageError('give the name of a machine, or --all, or --pause');
    const client = await api();
    if (args.name !== undefined) {
      const path = apiPath`/v1/machines/${args.name}/upgrade`;
      const { body } = await client.request<Machine>({ method: 'POST', path });
      const text = () =>
        body.upgrade
          ? `Machine ${body.name} is upgraded to ${body.upgrade.version}\n`
          : `Machine ${body.name} has ${body.agentVersion ?? 'what it should have'} already\n`;
      return print.object(body, { text, name: body.name });
    }
    const path = `${MACHINES}/agent-rollout`;
    const { body } =
      all || pause
        ? await client.request<AgentRollout>({ method: 'PUT', path, body: { paused: pause } })
        : await client.request<AgentRollout>({ method: 'GET', path });
    await print.object(body, { text: () => rolloutText(body), name: body.version });
  },
});

function rolloutText({ version, state, reason }: AgentRollout): string {
  if (state === 'done') return `Every agent that can be upgraded has ${version}\n`;
  return `${version}: ${state}${reason === '' ? '' : `; ${reason}`}\n`;
}
