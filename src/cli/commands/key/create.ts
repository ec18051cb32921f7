import type { NewKey } from '../../../api/resources.ts';
import { defineCommand } from '../../command.ts';
import { KEYS } from '../../resources.ts';

export const create = defineCommand({
  path: ['key', 'create'],
  summary: 'Create an API key',
  description: 'The key is shown once, here: the control plane keeps only a hash of it.',
  args: [{ name: 'name', summary: 'Its name, to recognise it by' }],
  options: {
    role: {
      value: 'ROLE',
      choices: ['admin', 'operator', 'viewer'],
      default: 'operator',
      summary: 'admin: everything; operator: everything but keys; viewer: reads only',
    },
  },
  examples: [
    'agentmetal key create deploy --role operator',
    'agentmetal key create grafana --role viewer -o json',
  ],
  async run({ api, print, progress }, { args, options }) {
    const client = await api();
    const { body } = await client.request<NewKey>({
      method: 'POST',
      path: KEYS,
      body: { name: args.name, role: options.role },
    });
    const text = () => `Key ${body.name} created (${body.id})\nRole: ${body.role}\nAPI key: ${body.key}\n`;
    await print.object(body, { text, name: body.name });
    progress.note('Keep the API key now: it is not shown again.');
  },
});
