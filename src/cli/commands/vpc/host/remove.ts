import { apiPath } from '../../../../api/client.ts';
import { defineCommand } from '../../../command.ts';

export const remove = defineCommand({
  path: ['vpc', 'host', 'remove'],
  summary: 'Remove a host from a private network',
  args: [
    { name: 'vpc', summary: 'Name or id of the VPC', completes: 'vpc' },
    { name: 'name', summary: 'The host, such as web-1' },
  ],
  options: {},
  examples: ['agentmetal vpc host remove prod web-1'],
  async run({ api, print }, { args: { vpc, name } }) {
    const client = await api();
    await client.request({ method: 'DELETE', path: apiPath`/v1/vpcs/${vpc}/hosts/${name}` });
    await print.object({ name, removed: true }, { text: () => `Host ${name} removed\n`, name });
  },
});
