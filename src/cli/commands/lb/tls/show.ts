import { apiPath } from '../../../../api/client.ts';
import type { CertificateStatus } from '../../../../api/certificates.ts';
import { defineCommand } from '../../../command.ts';
import { paintState } from '../../../output/state.ts';

export const show = defineCommand({
  path: ['lb', 'tls', 'show'],
  summary: 'Show its certificates',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb tls show web-lb'],
  async run({ api, print }, { args }) {
    const client = await api();
    const path = apiPath`/v1/load-balancers/${args.name}/certificates`;
    const { body } = await client.request<{ items: CertificateStatus[] }>({ method: 'GET', path });
    await print.list(body.items, {
      columns: [
        { heading: 'DOMAIN', cell: ({ domain }) => domain },
        { heading: 'STATE', cell: ({ state }) => state, paint: (text) => paintState(print.style, text) },
        { heading: 'REASON', cell: ({ reason }) => reason },
      ],
      name: ({ domain }) => domain,
      empty: `${args.name} has no domains. Name one: agentmetal lb tls set ${args.name} --domain app.example.com`,
      value: body,
    });
  },
});
