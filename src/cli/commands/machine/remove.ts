import { apiPath } from '../../../api/client.ts';
import { defineCommand } from '../../command.ts';
import { confirmByName } from '../../prompt.ts';
import { getMachine } from '../../resources.ts';
import { waitUntilRemoved } from '../../wait/machine.ts';
import { timeoutMs } from '../../write-options.ts';
import { WAIT_OPTIONS } from './options.ts';

export const remove = defineCommand({
  path: ['machine', 'remove'],
  summary: 'Give a machine back',
  description:
    'What was put there is taken off, and its agent may not call any more. No load balancer may be on it. The name must be\ntyped, unless --yes is given.',
  args: [{ name: 'name', summary: 'Name or id', completes: 'machine' }],
  options: {
    force: {
      summary: 'Also while a load balancer is on it, and without logging in: whatever is there stays there',
    },
    yes: { short: 'y', summary: 'Do not ask' },
    wait: { ...WAIT_OPTIONS.wait, summary: 'Wait until it is gone (the default)' },
    timeout: { ...WAIT_OPTIONS.timeout, default: '5m' },
  },
  examples: ['agentmetal machine remove lb-1', 'agentmetal machine remove lb-1 --force --yes'],
  async run(ctx, { args, options }) {
    const limit = timeoutMs(options);
    const api = await ctx.api();
    const machine = await getMachine(api, args.name);
    const { name } = machine;
    const user = machine.loadBalancer === null ? '' : ` It serves ${machine.loadBalancer}.`;
    if (!options.yes) await confirmByName(ctx, { name, what: `the machine ${name}`, more: user });
    const path = apiPath`/v1/machines/${machine.id}`;
    const { status } = await api.request({ method: 'DELETE', path, query: { force: options.force } });
    const isGone = status === 204;
    if (!isGone && options.wait !== false)
      ctx.progress.step(
        `taking off what was put on ${name}; where it cannot be reached any more, end that: agentmetal machine remove ${name} --force --yes`,
      );
    if (!isGone && options.wait !== false)
      await waitUntilRemoved(ctx, { machine, timeout: options.timeout, timeoutMs: limit });
    ctx.progress.stop();
    const how = isGone || options.wait !== false ? 'removed' : 'is being removed';
    await ctx.print.object(machine, { text: () => `Machine ${name} ${how}\n`, name });
    if (isGone)
      ctx.progress.note(`What was put on ${name} is still there. See how to take it off: docs/machines.md`);
  },
});
