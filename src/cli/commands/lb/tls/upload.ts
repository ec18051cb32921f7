import { apiPath } from '../../../../api/client.ts';
import type { UploadedCertificate } from '../../../../api/certificates.ts';
import { patchLoadBalancer } from '../../../change-spec.ts';
import { defineCommand } from '../../../command.ts';
import { readText } from '../../../documents.ts';
import { usageError } from '../../../failure.ts';
import { getLoadBalancer } from '../../../resources.ts';
import { WRITE_OPTIONS, timeoutMs } from '../../../write-options.ts';

const MAX_WAIT_S = 60;

export const upload = defineCommand({
  path: ['lb', 'tls', 'upload'],
  summary: 'Upload a certificate with its key, and serve it',
  description:
    'One of the same name is replaced: without a reload, and no handshake fails meanwhile. The key is kept encrypted and\nnever shown again.',
  args: [{ name: 'name', summary: 'Name or id of the load balancer', completes: 'load-balancer' }],
  options: {
    cert: {
      value: 'FILE',
      required: true,
      summary: 'The certificate and those between it and its CA (PEM)',
      completes: 'file',
    },
    key: {
      value: 'FILE',
      required: true,
      summary: 'Its private key (PEM, no passphrase); - is stdin',
      completes: 'file',
    },
    certificate: { value: 'NAME', default: 'main', summary: 'What the certificate is called' },
    store: { summary: 'Only keep it; `lb tls set --certificate` serves it later' },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb tls upload web-lb --cert fullchain.pem --key privkey.pem',
    'agentmetal lb tls upload web-lb --cert next.pem --key next.key --certificate next --store',
  ],
  async run(ctx, { args, options }) {
    const { certificate: name, cert, key, store, dryRun, wait } = options;
    if (cert === '-' && key === '-') throw usageError('give at least one of --cert and --key as a file');
    const body = { certificate: await readText(cert, ctx.io), privateKey: await readText(key, ctx.io) };
    const client = await ctx.api();
    const before = await getLoadBalancer(client, args.name);
    const isServed = before.spec.tls?.certificate === name;
    const seconds = Math.min(MAX_WAIT_S, Math.ceil(timeoutMs(options) / 1000));
    const { body: uploaded } = await client.request<UploadedCertificate>({
      method: 'PUT',
      path: apiPath`/v1/load-balancers/${before.id}/certificates/${name}`,
      body,
      query: { dryRun },
      ...(wait === false || dryRun ? {} : { headers: { prefer: `wait=${seconds}` } }),
    });
    for (const warning of uploaded.warnings) ctx.progress.warn(warning);
    if (isServed || store || dryRun)
      return ctx.print.object(uploaded, { text: () => uploadText(uploaded, { dryRun, isServed }), name });
    ctx.progress.step(`uploaded ${name}: ${uploaded.names.join(', ')}, until ${uploaded.notAfter}`);
    const patch = { spec: { tls: { certificate: name } } };
    await patchLoadBalancer(ctx, options, { name: before.name, patch });
  },
});

function uploadText(
  { name, names, notAfter, serial }: UploadedCertificate,
  { dryRun, isServed }: { dryRun: boolean; isServed: boolean },
): string {
  const what = dryRun ? 'would be accepted' : isServed ? 'replaced' : 'uploaded';
  return `Certificate ${name} ${what}: ${names.join(', ')}; serial ${serial}, until ${notAfter}\n`;
}
