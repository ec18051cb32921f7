import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { readText } from '../../../documents.ts';
import { given } from '../../../flags.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';

export const on = defineCommand({
  path: ['lb', 'maintenance', 'on'],
  summary: 'Answer every client with a maintenance page',
  description:
    'A tcp load balancer closes every new connection instead. What was said before stays: body, Retry-After and who is\nexempt. End it with: agentmetal lb maintenance off NAME',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    bodyFile: { value: 'FILE', summary: 'File with the page; - is stdin', completes: 'file' },
    contentType: { value: 'TYPE', summary: 'Media type of the page; without it, text/html' },
    status: { value: 'STATUS', integer: true, summary: 'Status of the answer; without it, 503' },
    retryAfter: { value: 'DURATION', summary: 'When clients should come again, such as 10m (Retry-After)' },
    exempt: {
      value: 'CIDR',
      repeat: true,
      summary: 'A network that is served all the same; those given are the whole list',
    },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb maintenance on web-lb',
    'agentmetal lb maintenance on web-lb --body-file down.html --retry-after 10m --exempt 10.0.0.0/8',
  ],
  async run(ctx, { args, options }) {
    const { bodyFile, contentType, status, retryAfter, exempt } = options;
    const body = bodyFile === undefined ? undefined : await readText(bodyFile, ctx.io);
    const maintenance = given({
      enabled: true,
      body,
      contentType,
      status,
      retryAfter,
      exempt: exempt.length === 0 ? undefined : exempt,
    });
    await patchLoadBalancer(ctx, options, { name: args.name, patch: { spec: { maintenance } } });
  },
});
