import { defineCommand } from '../../command.ts';
import { readDocuments } from '../../documents.ts';
import { printDryRun } from '../../write.ts';
import { applicable } from './documents-request.ts';
import { eachDocument } from './in-document.ts';

export const diff = defineCommand({
  path: ['lb', 'diff'],
  summary: 'Show how a file differs from what is, and what applying it would do',
  args: [],
  options: {
    file: { value: 'FILE', short: 'f', required: true, summary: 'The file; - is stdin', completes: 'file' },
  },
  examples: ['agentmetal lb diff -f web-lb.yaml'],
  async run(ctx, { options }) {
    await eachDocument(await readDocuments(options.file, ctx.io), async (document) => {
      const { request } = await applicable(ctx, document);
      await printDryRun(ctx, { name: document.name, request });
    });
  },
});
