import { apiPath } from '../../../../api/client.ts';
import { type OptionValues, type Options, defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { given } from '../../../flags.ts';
import type { CliIo } from '../../../io.ts';
import { POOL_OPTION, poolQuery } from '../../../pools.ts';
import { getLoadBalancer } from '../../../resources.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { writeLoadBalancer } from '../../../write.ts';
import { SETTING_OPTIONS, TLS_OPTIONS, givenSettings, readTls } from './options.ts';
import { requireBackend } from './targets.ts';

const SET_OPTIONS = {
  ...SETTING_OPTIONS,
  backup: { negatable: true, summary: 'Takes traffic only when all the others are down' },
  drain: { negatable: true, summary: 'Takes no new clients while the present ones finish' },
  tls: { negatable: true, summary: 'Speak TLS with it; any of the following does so too' },
  ...TLS_OPTIONS,
  sendProxy: {
    value: 'VERSION',
    choices: ['v1', 'v2', 'off'],
    summary: 'Tell it the client’s address by the PROXY protocol, or not',
  },
} as const satisfies Options;

export const set = defineCommand({
  path: ['lb', 'backend', 'set'],
  summary: 'Change the settings of a backend',
  description: 'What is not named stays as it is.',
  args: [
    { name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' },
    { name: 'target', summary: 'The backend', completes: 'backend' },
  ],
  options: { ...SET_OPTIONS, ...POOL_OPTION, ...WRITE_OPTIONS },
  examples: [
    'agentmetal lb backend set web-lb web-1:8080 --weight 5',
    'agentmetal lb backend set web-lb web-1:8080 --no-backup --max-connections 200',
    'agentmetal lb backend set web-lb api-1:8443 --pool api --tls-server-name api.internal',
  ],
  async run(ctx, { args, options }) {
    const body = await readSettings(options, ctx.io);
    if (Object.keys(body).length === 0)
      throw usageError('nothing to change is given', 'agentmetal lb backend set --help');
    const { pool } = options;
    const before = await getLoadBalancer(await ctx.api(), args.name);
    const { target } = requireBackend(before, pool, args.target);
    const path = apiPath`/v1/load-balancers/${before.id}/backends/${target}`;
    await writeLoadBalancer(ctx, options, {
      request: { method: 'PATCH', path, query: poolQuery(pool), body },
      name: before.name,
      before,
      done: 'updated',
    });
  },
});

/** The merge patch that the flags say: null takes TLS or the PROXY protocol away. */
async function readSettings(
  options: OptionValues<typeof SET_OPTIONS>,
  io: Pick<CliIo, 'stdin'>,
): Promise<Record<string, unknown>> {
  const { weight, backup, maxConnections, drain, sendProxy } = options;
  const tls = await readTls(options, io);
  if (options.tls === false && tls !== undefined)
    throw usageError('--no-tls leaves nothing for the other flags of TLS to say');
  return given({
    ...givenSettings({ weight, backup, maxConnections, drain }),
    sendProxy: sendProxy === 'off' ? null : sendProxy,
    tls: options.tls === false ? null : tls,
  });
}
