import { apiPath } from '../../../../api/client.ts';
import type { Renewal } from '../../../../api/certificates.ts';
import { defineCommand } from '../../../command.ts';

export const renew = defineCommand({
  path: ['lb', 'tls', 'renew'],
  summary: 'Have its certificates renewed now',
  description:
    'They are renewed by themselves in time; this asks the authority whatever their age. Authorities limit how often.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: { domain: { value: 'DOMAIN', summary: 'The certificate of this domain alone' } },
  examples: ['agentmetal lb tls renew web-lb', 'agentmetal lb tls renew web-lb --domain app.example.com'],
  async run({ api, print, progress }, { args, options }) {
    const client = await api();
    const path = apiPath`/v1/load-balancers/${args.name}/certificates/renew`;
    const { body } = await client.request<Renewal>({ method: 'POST', path, body: options });
    const text = () => body.domains.map((domain) => `Asked for a new certificate for ${domain}\n`).join('');
    await print.object(body, { text, name: args.name });
    progress.note(`Next: agentmetal lb tls show ${args.name}`);
  },
});
