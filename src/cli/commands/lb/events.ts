import { apiPath } from '../../../api/client.ts';
import { type Event, SEVERITIES } from '../../../api/events.ts';
import type { Page } from '../../../api/resources.ts';
import { defineCommand } from '../../command.ts';
import { followEvents } from '../../follow-events.ts';
import { renderEvent } from '../../output/event-line.ts';
import { jsonLine, serialize } from '../../output/print.ts';
import type { CliContext } from '../../session.ts';

export const events = defineCommand({
  path: ['lb', 'events'],
  summary: 'Tell what has happened, or follow it',
  description:
    'The newest events, the oldest of them first: of one load balancer with the machines that serve it, or of all. Times are\nUTC. With -o json each line is one object.',
  args: [{ name: 'name', summary: 'Name or id', completes: 'load-balancer', optional: true }],
  options: {
    follow: { short: 'f', summary: 'Go on with every event that comes, until Ctrl-C' },
    type: { value: 'TYPES', summary: 'Types by commas: certificate.failed, or dns.* for all of a group' },
    severity: { value: 'SEVERITY', choices: SEVERITIES, summary: 'Of this severity, or a higher one' },
    limit: { value: 'COUNT', integer: true, summary: 'Most events, the newest (1 to 500; 50 if not given)' },
  },
  examples: [
    'agentmetal lb events web-lb',
    'agentmetal lb events web-lb -f --severity warning',
    'agentmetal lb events --type "certificate.*,dns.*" --limit 200',
    'agentmetal lb events -f -o json | jq -r .message',
  ],
  async run(ctx, { args, options }) {
    const { follow, ...query } = options;
    const path = args.name === undefined ? '/v1/events' : apiPath`/v1/load-balancers/${args.name}/events`;
    if (follow) {
      return followEvents(ctx, {
        path,
        query,
        onEvent: ({ event, data }) => {
          if (event === 'event') void writeEvent(ctx, data as Event);
        },
      });
    }
    const { body } = await (await ctx.api()).request<Page<Event>>({ method: 'GET', path, query });
    for (const event of body.items.toReversed()) await writeEvent(ctx, event);
    if (body.items.length === 0 && !ctx.options.quiet)
      ctx.io.stderr.write('Nothing like that has happened\n');
  },
});

async function writeEvent({ print }: CliContext, event: Event): Promise<void> {
  if (print.format === 'json') return print.text(jsonLine(event));
  if (print.format === 'name') return print.text(`${event.id}\n`);
  if (print.format === 'yaml') return print.text(`---\n${await serialize(event, 'yaml')}`);
  print.text(renderEvent(event, print.style));
}
