import type { Vpc } from '../../../api/resources.ts';
import { defineCommand } from '../../command.ts';
import { formatTime } from '../../output/age.ts';
import { renderSections } from '../../output/sections.ts';
import { renderTable } from '../../output/table.ts';
import { getVpc } from '../../resources.ts';
import { bgpText } from './bgp-options.ts';
import { HOST_COLUMNS } from './host/columns.ts';

export const show = defineCommand({
  path: ['vpc', 'show'],
  summary: 'Show one private network with its hosts',
  args: [{ name: 'name', summary: 'Name or id', completes: 'vpc' }],
  options: {},
  examples: ['agentmetal vpc show prod'],
  async run({ api, io, print }, { args }) {
    const vpc = await getVpc(await api(), args.name);
    await print.object(vpc, { text: () => renderVpc(vpc, io.now()), name: vpc.name });
  },
});

function renderVpc({ id, name, labels, spec, status, createdAt }: Vpc, now: number): string {
  return renderSections([
    {
      rows: [
        ['ID', id],
        ['Name', name],
        ['CIDRs', spec.cidrs.join(', ')],
        ['Name servers', spec.nameServers.join(', ') || 'the system’s'],
        ['Floating', (spec.floatingAddresses ?? []).join(', ')],
        ['BGP', bgpText(spec.bgp)],
        ['Machines', spec.driver ? driverText(spec.driver) : ''],
        ['Replaced after', spec.replaceAfter ?? 'as the control plane says'],
        ['Network', status.network ? networkText(status.network) : ''],
        ['Load balancers', status.loadBalancers.join(', ')],
        [
          'Labels',
          Object.entries(labels)
            .map(([key, value]) => `${key}=${value}`)
            .join(', '),
        ],
        ['Created', formatTime(createdAt, now)],
      ],
    },
    { title: 'Hosts', table: renderTable(HOST_COLUMNS, spec.hosts, { header: spec.hosts.length > 0 }) },
  ]);
}

function driverText({
  type,
  release,
  virtualMachine,
  public: outside,
}: NonNullable<Vpc['spec']['driver']>): string {
  return `made as ${type} (${virtualMachine?.image ?? `Debian ${release}`}), ${outside ? `public addresses of ${outside.cidr}` : 'without public addresses'}`;
}

function networkText({ bridge, namespace }: NonNullable<Vpc['status']['network']>): string {
  return `bridge ${bridge}${namespace === null ? '' : ` in network namespace ${namespace}`}`;
}
