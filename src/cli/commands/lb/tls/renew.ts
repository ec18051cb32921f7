import { apiPath } from '../../../../api/client.ts';
import type { Renewal } from '../../../../api/certificates.ts';
import { defineCommand } from '../../../command.ts';
import { NODE_OPTION, tellMissing } from '../../../node-option.ts';

export const renew = defineCommand({
  path: ['lb', 'tls', 'renew'],
  summary: 'Have its certificates renewed now',
  description:
    'They are renewed by themselves in time; this asks the authority whatever their age. Each node has certificates of its\nown and asks for itself. Authorities limit how often.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    domain: { value: 'DOMAIN', summary: 'The certificate of this domain alone' },
    node: NODE_OPTION,
  },
  examples: ['agentmetal lb tls renew web-lb', 'agentmetal lb tls renew web-lb --domain app.example.com'],
  async run(ctx, { args, options }) {
    const { api, print, progress } = ctx;
    const client = await api();
    const path = apiPath`/v1/load-balancers/${args.name}/certificates/renew`;
    const { body } = await client.request<Renewal>({ method: 'POST', path, body: options });
    tellMissing(ctx, body.missing);
    const text = () => body.domains.map((domain) => `${asked(body, domain)}\n`).join('');
    await print.object(body, { text, name: args.name });
    progress.note(`Next: agentmetal lb tls show ${args.name}`);
  },
});

function asked({ nodes, missing = [] }: Renewal, domain: string): string {
  const words = `Asked for a new certificate for ${domain}`;
  // Where there is one node alone, its name says nothing.
  if (nodes.length + missing.length === 1) return words;
  const machines = nodes.filter((node) => node.domains.includes(domain)).map(({ machine }) => machine);
  return `${words} on ${machines.join(', ')}`;
}
