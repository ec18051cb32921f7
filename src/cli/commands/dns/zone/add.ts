import type { DnsZone } from '../../../../api/dns-zones.ts';
import { defineCommand } from '../../../command.ts';
import { DNS_ZONES } from '../../../resources.ts';
import { ZONE_OPTIONS, zoneBody } from './options.ts';

export const add = defineCommand({
  path: ['dns', 'zone', 'add'],
  summary: 'Add a DNS zone, in which load balancers get their records',
  description:
    'The provider is asked first whether it has the zone and accepts the credential. The credential comes from a file, from\nstdin or from AGENTMETAL_DNS_SECRET; without them it is asked for. It is kept encrypted and never shown again.',
  args: [{ name: 'name', summary: 'The zone, such as example.com' }],
  options: ZONE_OPTIONS,
  examples: [
    'agentmetal dns zone add example.com --provider rfc2136 --server 192.0.2.53 --secret-file lb-key.conf',
    'agentmetal dns zone add example.com --provider powerdns --api-url http://192.0.2.53:8081 --secret-file api-key',
    'agentmetal dns zone add example.com --provider cloudflare --secret-file - <token',
    'agentmetal dns zone add example.com --provider route53 --access-key-id AKIAIOSFODNN7EXAMPLE --secret-file key',
  ],
  async run(ctx, { args, options }) {
    const request = await zoneBody(ctx, args.name, options);
    const client = await ctx.api();
    const { body } = await client.request<DnsZone>({ method: 'POST', path: DNS_ZONES, body: request });
    const text = () =>
      `DNS zone ${body.name} added (${body.id}); ${body.spec.provider} accepts the credential\n`;
    await ctx.print.object(body, { text, name: body.name });
    ctx.progress.note(`Next: agentmetal lb tls set NAME --domain app.${body.name}`);
  },
});
