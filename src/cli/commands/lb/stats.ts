import { apiPath } from '../../../api/client.ts';
import type { Stats } from '../../../api/stats.ts';
import { defineCommand } from '../../command.ts';
import { NODE_OPTION } from '../../node-option.ts';
import { followEvents } from '../../follow-events.ts';
import { jsonLine, serialize } from '../../output/print.ts';
import { renderStats } from '../../output/stats.ts';
import type { CliContext } from '../../session.ts';

/** To the upper left corner, and what is below it is gone: ECMA-48, CUP and ED. */
const CLEAR = '\u001b[H\u001b[J';

export const stats = defineCommand({
  path: ['lb', 'stats'],
  summary: 'Show what passes through: rates, times, connections, and the processes that serve',
  description:
    'Rates are averages of the last five seconds, AVG-MS of the last 1024 requests, P99-MS of the last minute.\nREQUESTS and 5XX count since the load balancer was made; reloads and restarts do not set them back.\nOf several nodes it is the sum, and each node has a line of its own.',
  args: [{ name: 'name', summary: 'Name or id', completes: 'load-balancer' }],
  options: {
    watch: { short: 'w', summary: 'Go on every second until Ctrl-C; with -o json a line each' },
    node: NODE_OPTION,
  },
  examples: [
    'agentmetal lb stats web-lb',
    'agentmetal lb stats web-lb --watch',
    'agentmetal lb stats web-lb --node lb-2',
    'agentmetal lb stats web-lb -o json',
  ],
  async run(ctx, { args, options }) {
    const path = apiPath`/v1/load-balancers/${args.name}/stats`;
    if (options.watch) {
      return followEvents(ctx, {
        path,
        query: { node: options.node },
        onEvent: ({ event, data }) => {
          if (event === 'stats') showAgain(ctx, args.name, data as Stats);
        },
      });
    }
    const { body } = await (
      await ctx.api()
    ).request<Stats>({
      method: 'GET',
      path,
      query: { node: options.node },
    });
    await ctx.print.object(body, { text: () => textOf(ctx, body), name: args.name });
  },
});

function textOf({ io, print }: CliContext, value: Stats): string {
  return renderStats(value, { now: io.now(), style: print.style });
}

function showAgain(ctx: CliContext, name: string, value: Stats): void {
  const { print, io } = ctx;
  if (print.format === 'json') return print.text(jsonLine(value));
  if (print.format === 'name') return print.text(`${name}\n`);
  if (print.format === 'yaml')
    return void serialize(value, 'yaml').then((text) => print.text(`---\n${text}`));
  print.text(`${io.stdout.isTTY ? CLEAR : ''}${textOf(ctx, value)}${io.stdout.isTTY ? '' : '\n'}`);
}
