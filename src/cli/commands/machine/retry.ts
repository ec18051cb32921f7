import { apiPath } from '../../../api/client.ts';
import type { NewMachine } from '../../../api/machines.ts';
import { defineCommand } from '../../command.ts';
import { getMachine } from '../../resources.ts';
import { endMachineWrite } from './end-write.ts';
import { readPrivateKey } from './login.ts';
import { LOGIN_OPTIONS, WAIT_OPTIONS } from './options.ts';

export const retry = defineCommand({
  path: ['machine', 'retry'],
  summary: 'Make a machine ready again',
  description:
    'All steps are gone through again; what is in order stays. One that was added with --manual gets a new line to type.',
  args: [{ name: 'name', summary: 'Name or id', completes: 'machine' }],
  options: {
    key: { ...LOGIN_OPTIONS.key, summary: 'Another private key to log in with from now on' },
    hostKey: { ...LOGIN_OPTIONS.hostKey, summary: 'The host key that it has now, SHA256:…' },
    ...WAIT_OPTIONS,
  },
  examples: [
    'agentmetal machine retry lb-1',
    'agentmetal machine retry lb-1 --host-key SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpKZIDTMczCvj3tD2s',
  ],
  async run(ctx, { args, options }) {
    const { key, hostKey, wait, timeout } = options;
    const api = await ctx.api();
    const { id, name } = await getMachine(api, args.name);
    const body = {
      ...(hostKey === undefined ? {} : { hostKey }),
      ...(key === undefined ? {} : { privateKey: await readPrivateKey(ctx, key) }),
    };
    const path = apiPath`/v1/machines/${id}/retry`;
    const answer = await api.request<NewMachine>({ method: 'POST', path, body });
    ctx.progress.step(`machine ${name} is made ready again`);
    await endMachineWrite(ctx, answer.body, { wait, timeout, done: 'is ready' });
  },
});
