import { apiPath } from '../../../api/client.ts';
import type { LogEntry, LogList } from '../../../api/logs.ts';
import { defineCommand } from '../../command.ts';
import { NODE_OPTION, tellMissing } from '../../node-option.ts';
import { followEvents } from '../../follow-events.ts';
import { renderLogLine } from '../../output/log-line.ts';
import { jsonLine, serialize } from '../../output/print.ts';
import type { CliContext } from '../../session.ts';

export const logs = defineCommand({
  path: ['lb', 'logs'],
  summary: 'Read the access log, or follow it',
  description:
    'The newest requests that HAProxy still has in memory, some thousands, the oldest first, of all nodes. Times are UTC.\nWith -o json each line is one object.',
  args: [{ name: 'name', summary: 'Name or id', completes: 'load-balancer' }],
  options: {
    follow: { short: 'f', summary: 'Go on with every line that comes, until Ctrl-C' },
    status: { value: 'STATUS', summary: 'Status: 404, 5xx, 500-599, or several by commas' },
    backend: { value: 'TARGET', summary: 'What went to this backend', completes: 'backend' },
    pool: { value: 'POOL', summary: 'What went to this pool' },
    route: { value: 'ROUTE', summary: 'What this route decided' },
    path: { value: 'PATH', summary: 'How the path begins' },
    method: { value: 'METHOD', summary: 'Method' },
    client: { value: 'ADDRESS', summary: 'Address of the client' },
    since: { value: 'TIME', summary: 'From then on: a time, or how long ago, such as 5m' },
    node: NODE_OPTION,
    limit: { value: 'COUNT', integer: true, summary: 'Most lines, the newest (1 to 1000; 100 if not given)' },
  },
  examples: [
    'agentmetal lb logs web-lb',
    'agentmetal lb logs web-lb -f --status 5xx',
    'agentmetal lb logs web-lb --path /api --since 5m --limit 1000',
    'agentmetal lb logs web-lb -f -o json | jq .milliseconds.total',
  ],
  async run(ctx, { args, options }) {
    const { follow, ...query } = options;
    const path = apiPath`/v1/load-balancers/${args.name}/logs`;
    if (follow) {
      return followEvents(ctx, {
        path,
        query,
        onEvent: ({ event, data }) => {
          if (event === 'request') void writeEntry(ctx, data as LogEntry);
          if (event === 'missed') tellMissed(ctx, data as Missed);
        },
      });
    }
    const { body } = await (await ctx.api()).request<LogList>({ method: 'GET', path, query });
    tellMissing(ctx, body.missing);
    for (const entry of body.items) await writeEntry(ctx, entry);
    if (body.items.length === 0) tell(ctx, 'No request in memory is like that');
  },
});

async function writeEntry({ print }: CliContext, entry: LogEntry): Promise<void> {
  if (print.format === 'json') return print.text(jsonLine(entry));
  if (print.format === 'name') return print.text(`${entry.requestId ?? '-'}\n`);
  if (print.format === 'yaml') return print.text(`---\n${await serialize(entry, 'yaml')}`);
  print.text(renderLogLine(entry, print.style));
}

interface Missed {
  lines: number;
  machine: string;
}

function tellMissed(ctx: CliContext, { lines, machine }: Missed): void {
  tell(
    ctx,
    `${lines} lines of ${machine} came too fast and are missing; a filter such as --status 5xx helps`,
  );
}

function tell({ io, options }: CliContext, text: string): void {
  if (!options.quiet) io.stderr.write(`${text}\n`);
}
