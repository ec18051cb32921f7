import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { tlsDomains } from './domains.ts';

export const set = defineCommand({
  path: ['lb', 'tls', 'set'],
  summary: 'Say for which domains it has certificates',
  description: 'The domains given are the whole list. Settings that are not named stay as they are.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    domain: { value: 'DOMAIN', repeat: true, summary: 'A domain' },
    redirect: { negatable: true, summary: 'Send plain HTTP to HTTPS once a real certificate is served' },
    autoRenew: { negatable: true, summary: 'Renew certificates before they end' },
    minVersion: { value: 'VERSION', choices: ['1.2', '1.3'], summary: 'Oldest TLS version that is spoken' },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb tls set web-lb --domain app.example.com',
    'agentmetal lb tls set web-lb --domain app.example.com --domain www.example.com --min-version 1.3',
  ],
  async run(ctx, { args, options }) {
    const { domain, redirect, autoRenew, minVersion } = options;
    const domains = domain.length === 0 ? {} : { domain: null, domains: null, ...tlsDomains(domain) };
    const settings = Object.entries({ redirect, autoRenew, minVersion }).filter(
      ([, value]) => value !== undefined,
    );
    const tls = { ...domains, ...Object.fromEntries(settings) };
    if (Object.keys(tls).length === 0) {
      throw usageError('no domain is given', `agentmetal lb tls set ${args.name} --domain app.example.com`);
    }
    await patchLoadBalancer(ctx, options, { name: args.name, patch: { spec: { tls } } });
  },
});
