import type { DnsStatus } from '../../../../api/dns-status.ts';
import { defineCommand } from '../../../command.ts';
import { dnsColumns } from '../../../output/dns.ts';
import { getLoadBalancer } from '../../../resources.ts';

export const show = defineCommand({
  path: ['lb', 'dns', 'show'],
  summary: 'Show the DNS records of its domains: what is wanted, what is there, and what to do',
  description: 'Records that somebody has to make by hand are printed as a zone file has them.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {},
  examples: [
    'agentmetal lb dns show web-lb',
    "agentmetal lb dns show web-lb -o json | jq -r '.items[].make[]'",
  ],
  async run({ api, print, options }, { args }) {
    const { name, status, spec } = await getLoadBalancer(await api(), args.name);
    const isOff = spec.dns?.enabled === false;
    await print.list<DnsStatus>(status.dns, {
      columns: dnsColumns(print.style, { isWhole: true }),
      name: ({ domain }) => domain,
      empty: isOff
        ? `DNS is left alone for ${name}. To have its records kept: agentmetal lb dns set ${name} --enabled`
        : `${name} has no domains. Name one: agentmetal lb dns set ${name} --domain app.example.com`,
    });
    const lines = status.dns.flatMap(({ make }) => make);
    if (print.format !== 'table' || lines.length === 0 || options.quiet) return;
    print.text(`\nTo make by hand:\n${lines.map((line) => `  ${line}\n`).join('')}`);
  },
});
