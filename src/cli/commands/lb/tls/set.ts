import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { given } from '../../../flags.ts';
import { WRITE_OPTIONS } from '../../../write-options.ts';
import { tlsDomains } from './domains.ts';
import { clientCaPatch, hstsPatch } from './parts.ts';
import { tellTerms } from './terms.ts';

export const set = defineCommand({
  path: ['lb', 'tls', 'set'],
  summary: 'Say for which domains it has certificates, and how TLS is spoken',
  description:
    'The domains given are the whole list. Settings that are not named stay as they are. By naming a domain you agree to\nthe terms of the certificate authority, which are told.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    domain: { value: 'DOMAIN', repeat: true, summary: 'A domain' },
    challenge: {
      value: 'HOW',
      choices: ['http', 'dns'],
      summary: 'How the authority is shown that the domains are yours; wildcards need dns',
    },
    certificate: { value: 'NAME', summary: 'Serve the uploaded certificate of this name' },
    clearCertificate: { summary: 'Serve no uploaded certificate any more' },
    redirect: { negatable: true, summary: 'Send plain HTTP to HTTPS once a real certificate is served' },
    autoRenew: { negatable: true, summary: 'Renew certificates before they end' },
    minVersion: { value: 'VERSION', choices: ['1.2', '1.3'], summary: 'Oldest TLS version that is spoken' },
    hsts: { negatable: true, summary: 'Have browsers come by HTTPS alone' },
    hstsMaxAge: { value: 'DURATION', summary: 'For how long; without it, 730d' },
    hstsSubdomains: { negatable: true, summary: 'Also for all names below' },
    hstsPreload: { negatable: true, summary: 'Consent to be in the list that browsers ship with' },
    clientCa: {
      value: 'FILE',
      summary: 'Clients need a certificate from the CAs in this file (PEM)',
      completes: 'file',
    },
    clientRevocationLists: {
      value: 'FILE',
      summary: 'Certificates that these CAs have revoked (PEM)',
      completes: 'file',
    },
    clientVerify: {
      value: 'HOW',
      choices: ['required', 'optional'],
      summary: 'Whether clients without a certificate are let in; without it, required',
    },
    clearClientCa: { summary: 'Clients need no certificate any more' },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb tls set web-lb --domain app.example.com',
    'agentmetal lb tls set web-lb --domain app.example.com --domain www.example.com --min-version 1.3',
    'agentmetal lb tls set web-lb --domain "*.example.com" --challenge dns --hsts',
    'agentmetal lb tls set web-lb --client-ca people-ca.pem --client-verify optional',
  ],
  async run(ctx, { args, options }) {
    const { domain, redirect, autoRenew, minVersion, certificate, clearCertificate } = options;
    if (clearCertificate && certificate !== undefined)
      throw usageError('give either --certificate or --clear-certificate');
    const isWild = domain.some((name) => name.startsWith('*.'));
    const challenge = options.challenge ?? (isWild ? 'dns' : undefined);
    const tls = {
      ...(domain.length === 0 ? {} : { domain: null, domains: null, ...tlsDomains(domain) }),
      ...given({ redirect, autoRenew, minVersion, certificate, challenge }),
      ...(clearCertificate ? { certificate: null } : {}),
      ...hstsPatch(options),
      ...(await clientCaPatch(options, ctx.io)),
    };
    if (Object.keys(tls).length === 0) {
      throw usageError('no domain is given', `agentmetal lb tls set ${args.name} --domain app.example.com`);
    }
    await patchLoadBalancer(ctx, options, {
      name: args.name,
      patch: { spec: { tls } },
      onAccepted: async () => {
        if (domain.length > 0) await tellTerms(ctx);
      },
    });
  },
});
