import { record } from '../../../spec/rules/raw.ts';
import { defineCommand } from '../../command.ts';
import { type Document, readDocuments } from '../../documents.ts';
import { WRITE_OPTIONS } from '../../write-options.ts';
import { requestDryRun, writeLoadBalancer } from '../../write.ts';
import { applicable } from './documents-request.ts';
import { eachDocument } from './in-document.ts';
import { tellTerms } from './tls/terms.ts';

export const apply = defineCommand({
  path: ['lb', 'apply'],
  summary: 'Create or replace load balancers from a file',
  description:
    'The file holds one or several YAML or JSON documents, or a list of them, with name, labels and spec. Each load\nbalancer becomes what its document says; one that is so already is left alone. All documents are checked before the\nfirst is applied.',
  args: [],
  options: {
    file: { value: 'FILE', short: 'f', required: true, summary: 'The file; - is stdin', completes: 'file' },
    ...WRITE_OPTIONS,
  },
  examples: [
    'agentmetal lb apply -f web-lb.yaml',
    'agentmetal lb export web-lb | agentmetal lb apply -f - --dry-run',
  ],
  async run(ctx, { options }) {
    const documents = await readDocuments(options.file, ctx.io);
    if (!options.dryRun && documents.some(namesDomains)) await tellTerms(ctx);
    if (documents.length > 1 && !options.dryRun) {
      await eachDocument(documents, async (document) => {
        await requestDryRun(ctx, (await applicable(ctx, document)).request);
      });
    }
    await eachDocument(documents, async (document) => {
      const { before, request } = await applicable(ctx, document);
      await writeLoadBalancer(ctx, options, {
        request,
        name: document.name,
        before,
        done: before ? 'updated' : 'created',
      });
    });
  },
});

/** Whether certificates are to be ordered, which is agreeing to the terms of the authority. */
function namesDomains({ spec }: Document): boolean {
  const { domain, domains } = record(record(spec)['tls']);
  return domain !== undefined || domains !== undefined;
}
