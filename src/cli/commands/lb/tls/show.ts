import { apiPath } from '../../../../api/client.ts';
import { defineCommand } from '../../../command.ts';
import { type ShownCertificates, renderCertificates } from '../../../output/certificates.ts';

export const show = defineCommand({
  path: ['lb', 'tls', 'show'],
  summary: 'Show its certificates: what is served until when, and what to do',
  description:
    'What needs somebody comes first. Of more than three certificates those that are well are lines of a table. At the end\nstands who has agreed to the terms of which authority.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb tls show web-lb', 'agentmetal lb tls show web-lb -o json'],
  async run({ api, io, print }, { args }) {
    const client = await api();
    const path = apiPath`/v1/load-balancers/${args.name}/certificates`;
    const { body } = await client.request<ShownCertificates>({ method: 'GET', path });
    if (print.format !== 'table' || body.items.length === 0)
      return print.list(body.items, {
        columns: [],
        name: ({ domain }) => domain,
        empty: `${args.name} has no domains. Name one: agentmetal lb tls set ${args.name} --domain app.example.com`,
        value: body,
      });
    print.text(renderCertificates(body, { name: args.name, now: io.now(), style: print.style }));
  },
});
