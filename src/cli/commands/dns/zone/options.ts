import { DNS_PROVIDERS, type DnsProviderName, TSIG_ALGORITHMS } from '../../../../spec/dns-zone.ts';
import { parseTarget } from '../../../../spec/target.ts';
import { type OptionValues, type Options, flagName } from '../../../command.ts';
import { usageError } from '../../../failure.ts';
import { parseLabels } from '../../../key-values.ts';
import type { CliContext } from '../../../session.ts';
import { readZoneSecret } from './secret.ts';

/** What `dns zone add` and `dns zone set` say of a zone. The credential is never one of them: arguments can be read. */
export const ZONE_OPTIONS = {
  provider: {
    value: 'PROVIDER',
    required: true,
    choices: DNS_PROVIDERS,
    summary: 'Who serves the zone',
  },
  secretFile: {
    value: 'FILE',
    completes: 'file',
    summary:
      'The credential: a token, a key, a TSIG secret or the key file of tsig-keygen; - is stdin. Else AGENTMETAL_DNS_SECRET',
  },
  server: {
    value: 'HOST[:PORT]',
    summary: 'rfc2136: the primary name server; without a port, 53',
  },
  tsigName: { value: 'NAME', summary: 'rfc2136: name of the TSIG key; a key file says it by itself' },
  tsigAlgorithm: {
    value: 'ALGORITHM',
    choices: TSIG_ALGORITHMS,
    summary: 'rfc2136: its algorithm; without it, what the key file says or hmac-sha256',
  },
  serverId: { value: 'ID', summary: 'powerdns: the server’s id; without it, localhost' },
  accessKeyId: { value: 'ID', summary: 'route53: id of the access key' },
  hostedZoneId: { value: 'ID', summary: 'route53: the hosted zone, where several have the name' },
  apiUrl: {
    value: 'URL',
    summary: 'powerdns: its API, such as http://192.0.2.53:8081; the clouds: another address of theirs',
  },
  label: { value: 'KEY=VALUE', short: 'l', repeat: true, summary: 'A label' },
} as const satisfies Options;

type Given = OptionValues<typeof ZONE_OPTIONS>;

/** Which options each provider takes besides the credential, and those that it needs. */
const FIELDS: Record<DnsProviderName, { needs: readonly (keyof Given)[]; takes: readonly (keyof Given)[] }> =
  {
    rfc2136: { needs: ['server'], takes: ['tsigName', 'tsigAlgorithm'] },
    powerdns: { needs: ['apiUrl'], takes: ['serverId'] },
    cloudflare: { needs: [], takes: ['apiUrl'] },
    route53: { needs: ['accessKeyId'], takes: ['hostedZoneId', 'apiUrl'] },
    hetzner: { needs: [], takes: ['apiUrl'] },
    digitalocean: { needs: [], takes: ['apiUrl'] },
  };
const OF_EVERY_PROVIDER: readonly string[] = ['provider', 'secretFile', 'label'];

/** The body of the request. The control plane judges its fields. */
export async function zoneBody(ctx: CliContext, name: string, given: Given): Promise<object> {
  const provider = given.provider as DnsProviderName;
  requireFitting(provider, given);
  const secret = await readZoneSecret(ctx, name, given.secretFile);
  return { name, labels: parseLabels(given.label), spec: { provider, ...fieldsOf(provider, given, secret) } };
}

function requireFitting(provider: DnsProviderName, given: Given): void {
  const { needs, takes } = FIELDS[provider];
  const missing = needs.find((key) => given[key] === undefined);
  if (missing) throw usageError(`--provider ${provider} needs --${flagName(missing)}`);
  const stray = (Object.keys(ZONE_OPTIONS) as (keyof Given)[]).find(
    (key) => given[key] !== undefined && ![...OF_EVERY_PROVIDER, ...needs, ...takes].includes(key),
  );
  if (stray) throw usageError(`--provider ${provider} has no --${flagName(stray)}`);
}

function fieldsOf(provider: DnsProviderName, given: Given, secret: string): object {
  const { serverId, accessKeyId, hostedZoneId, apiUrl } = given;
  switch (provider) {
    case 'rfc2136':
      return { ...serverOf(given.server ?? ''), tsig: tsigKey(secret, given) };
    case 'powerdns':
      return { apiUrl, serverId, apiKey: secret };
    case 'route53':
      return { accessKeyId, secretAccessKey: secret, hostedZoneId, apiUrl };
    default:
      return { apiToken: secret, apiUrl };
  }
}

function serverOf(text: string): { server: string; port?: number } {
  const target = parseTarget(text);
  return target ? { server: target.host, port: target.port } : { server: text };
}

const KEY_FILE =
  /key\s+"?(?<name>[^\s"{]+)"?\s*\{[^}]*?algorithm\s+"?(?<algorithm>[^\s";]+)"?\s*;[^}]*?secret\s+"?(?<secret>[^\s";]+)"?\s*;/s;

/** The key of a file as tsig-keygen writes it, or the secret alone. */
function tsigKey(text: string, { tsigName, tsigAlgorithm }: Given): object {
  const groups = KEY_FILE.exec(text)?.groups;
  const name = tsigName ?? groups?.['name'];
  if (name === undefined)
    throw usageError('--provider rfc2136 needs --tsig-name, or a key file that says it');
  return {
    name,
    algorithm: tsigAlgorithm ?? groups?.['algorithm']?.toLowerCase(),
    secret: groups?.['secret'] ?? text,
  };
}
