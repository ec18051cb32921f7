import { apiPath } from '../../../../api/client.ts';
import type { DnsZone } from '../../../../api/dns-zones.ts';
import { defineCommand } from '../../../command.ts';
import { ZONE_OPTIONS, zoneBody } from './options.ts';

export const set = defineCommand({
  path: ['dns', 'zone', 'set'],
  summary: 'Give a DNS zone another provider or credential',
  description: 'What is given is the whole of it, as for `dns zone add`. The records stay.',
  args: [{ name: 'name', summary: 'The zone', completes: 'dns-zone' }],
  options: ZONE_OPTIONS,
  examples: ['agentmetal dns zone set example.com --provider cloudflare --secret-file new-token'],
  async run(ctx, { args, options }) {
    const request = await zoneBody(ctx, args.name, options);
    const client = await ctx.api();
    const path = apiPath`/v1/dns-zones/${args.name}`;
    const { body } = await client.request<DnsZone>({ method: 'PUT', path, body: request });
    const text = () => `DNS zone ${body.name} set; ${body.spec.provider} accepts the credential\n`;
    await ctx.print.object(body, { text, name: body.name });
  },
});
