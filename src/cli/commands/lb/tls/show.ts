import { apiPath } from '../../../../api/client.ts';
import type { CertificateStatus } from '../../../../api/certificates.ts';
import { defineCommand } from '../../../command.ts';
import { certificateColumns } from '../../../output/certificates.ts';

export const show = defineCommand({
  path: ['lb', 'tls', 'show'],
  summary: 'Show its certificates: what is served until when, and what to do',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb tls show web-lb', 'agentmetal lb tls show web-lb -o json'],
  async run({ api, print }, { args }) {
    const client = await api();
    const path = apiPath`/v1/load-balancers/${args.name}/certificates`;
    const { body } = await client.request<{ items: CertificateStatus[] }>({ method: 'GET', path });
    await print.list(body.items, {
      columns: certificateColumns(print.style, { isWhole: true }),
      name: ({ domain }) => domain,
      empty: `${args.name} has no domains. Name one: agentmetal lb tls set ${args.name} --domain app.example.com`,
      value: body,
    });
  },
});
