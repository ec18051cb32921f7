import type { NewMachine } from '../../../api/machines.ts';
import { defineCommand } from '../../command.ts';
import { usageError } from '../../failure.ts';
import { parseLabels } from '../../key-values.ts';
import { MACHINES } from '../../resources.ts';
import type { CliContext } from '../../session.ts';
import { endMachineWrite } from './end-write.ts';
import { agreeOnHostKey, readPrivateKey } from './login.ts';
import { LOGIN_OPTIONS, WAIT_OPTIONS } from './options.ts';

interface Given {
  user: string | undefined;
  port: number | undefined;
  key: string | undefined;
  hostKey: string | undefined;
  yes: boolean;
}

export const add = defineCommand({
  path: ['machine', 'add'],
  summary: 'Take a machine in, which load balancers of its VPC may have for themselves',
  description:
    'The control plane logs in over SSH, installs HAProxy and certbot and starts its agent there. With --manual it prints a\nline to type on a machine that it cannot log in to. It must listen for machines: agentmetal up --agent-listen.',
  args: [{ name: 'address', summary: 'Its address in the VPC', optional: true }],
  options: {
    name: { value: 'NAME', summary: 'Its name; without it, made of the address' },
    vpc: { value: 'VPC', summary: 'The VPC that it is in; without it, `default`', completes: 'vpc' },
    user: { value: 'USER', summary: 'Who to log in as: root, or who may use sudo; without it, root' },
    port: { value: 'PORT', integer: true, summary: 'Port of its SSH server; without it, 22' },
    ...LOGIN_OPTIONS,
    publicIp: { value: 'ADDRESS', summary: 'The address on which clients reach it, if that is another one' },
    manual: { summary: 'Print a line to type on the machine, and log in nowhere' },
    label: { value: 'KEY=VALUE', short: 'l', repeat: true, summary: 'A label' },
    ...WAIT_OPTIONS,
  },
  examples: [
    'agentmetal machine add 10.0.0.5 --user root --key ~/.ssh/id_ed25519 --vpc prod --name lb-1',
    'agentmetal machine add 10.0.0.6 --vpc prod --public-ip 203.0.113.6 --yes',
    'agentmetal machine add --manual --name lb-3 --vpc prod',
  ],
  async run(ctx, { args, options }) {
    const { name, vpc, publicIp, label, manual, wait, timeout } = options;
    const common = {
      name,
      vpc,
      labels: parseLabels(label),
      ...(publicIp === undefined ? {} : { publicAddress: publicIp }),
    };
    const own = manual ? manualFields(args.address, options) : await sshFields(ctx, args.address, options);
    const api = await ctx.api();
    const { body } = await api.request<NewMachine>({
      method: 'POST',
      path: MACHINES,
      body: { ...own, ...common },
    });
    ctx.progress.step(`machine ${body.name} is taken in`);
    await endMachineWrite(ctx, body, { wait, timeout, done: 'is ready' });
    ctx.progress.note(`Next: agentmetal lb create --name web-lb --type http --vpc ${body.vpc ?? 'default'}`);
  },
});

function manualFields(address: string | undefined, given: Given): object {
  const stray = (['user', 'port', 'key', 'hostKey'] as const).find((key) => given[key] !== undefined);
  if (stray) throw usageError('--manual logs in nowhere, and takes no --user, --port, --key and --host-key');
  return { driver: 'manual', ...(address === undefined ? {} : { address }) };
}

async function sshFields(ctx: CliContext, address: string | undefined, given: Given): Promise<object> {
  if (address === undefined)
    throw usageError('the address is missing', 'agentmetal machine add 10.0.0.5, or --manual --name NAME');
  const { user, port, yes } = given;
  const privateKey = await readPrivateKey(ctx, given.key);
  const hostKey = await agreeOnHostKey(ctx, { address, port, hostKey: given.hostKey, yes });
  return { driver: 'ssh', address, port, user, privateKey, hostKey };
}
