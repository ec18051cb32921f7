import { apiPath } from '../../../api/client.ts';
import type { Machine } from '../../../api/machines.ts';
import { defineCommand } from '../../command.ts';
import { getMachine } from '../../resources.ts';
import { waitUntilDrained } from '../../wait/machine.ts';
import { timeoutMs } from '../../write-options.ts';
import { WAIT_OPTIONS } from './options.ts';

export const drain = defineCommand({
  path: ['machine', 'drain'],
  summary: 'Move the load balancer of a machine to another one',
  description:
    'It moves to a free machine of the same VPC and is given up here only when it serves there. Without a free one it stays.\nNothing new comes to the machine until `machine enable`.',
  args: [{ name: 'name', summary: 'Name or id', completes: 'machine' }],
  options: {
    wait: { ...WAIT_OPTIONS.wait, summary: 'Wait until nothing is on it (the default)' },
    timeout: { ...WAIT_OPTIONS.timeout, default: '60s' },
  },
  examples: ['agentmetal machine drain lb-1'],
  async run(ctx, { args, options }) {
    const limit = timeoutMs(options);
    const api = await ctx.api();
    const { id, name } = await getMachine(api, args.name);
    const path = apiPath`/v1/machines/${id}`;
    const { body } = await api.request<Machine>({ method: 'PATCH', path, body: { draining: true } });
    const machine =
      options.wait === false
        ? body
        : await waitUntilDrained(ctx, { machine: body, timeout: options.timeout, timeoutMs: limit });
    ctx.progress.stop();
    const left = machine.loadBalancer === null ? 'drained: nothing is on it' : 'being drained';
    await ctx.print.object(machine, { text: () => `Machine ${name} is ${left}\n`, name });
    ctx.progress.note(`Next: agentmetal machine remove ${name}, or agentmetal machine enable ${name}`);
  },
});
