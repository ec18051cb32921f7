import type { DnsZone } from '../../../../api/dns-zones.ts';
import { defineCommand } from '../../../command.ts';
import { formatTime } from '../../../output/age.ts';
import { renderSections } from '../../../output/sections.ts';
import { getDnsZone } from '../../../resources.ts';

export const show = defineCommand({
  path: ['dns', 'zone', 'show'],
  summary: 'Show one DNS zone, without its credential',
  args: [{ name: 'name', summary: 'The zone or its id', completes: 'dns-zone' }],
  options: {},
  examples: ['agentmetal dns zone show example.com'],
  async run({ api, io, print }, { args }) {
    const zone = await getDnsZone(await api(), args.name);
    await print.object(zone, { text: () => renderZone(zone, io.now()), name: zone.name });
  },
});

function renderZone({ id, name, labels, spec, status, createdAt }: DnsZone, now: number): string {
  const where = spec.provider === 'rfc2136' ? `${spec.server} port ${spec.port}` : undefined;
  const address = spec.provider === 'powerdns' ? spec.apiUrl : where;
  const labelText = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
  return renderSections([
    {
      rows: [
        ['ID', id],
        ['Name', name],
        ['Provider', address === undefined ? spec.provider : `${spec.provider} (${address})`],
        ['State', `${status.state}: ${status.reason}`],
        ['Load balancers', status.loadBalancers.join(', ')],
        ['Labels', labelText],
        ['Created', formatTime(createdAt, now)],
      ],
    },
  ]);
}
