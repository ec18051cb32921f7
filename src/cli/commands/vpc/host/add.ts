import { apiPath } from '../../../../api/client.ts';
import type { VpcHost } from '../../../../spec/vpc.ts';
import { defineCommand } from '../../../command.ts';

export const add = defineCommand({
  path: ['vpc', 'host', 'add'],
  summary: 'Say which addresses a host of a private network has',
  description: 'A host that is there already gets the new addresses; load balancers follow without a reload.',
  args: [
    { name: 'vpc', summary: 'Name or id of the VPC', completes: 'vpc' },
    { name: 'name', summary: 'The host, such as web-1' },
    { name: 'addresses', summary: 'Its addresses', variadic: true },
  ],
  options: {},
  examples: ['agentmetal vpc host add prod web-1 10.0.0.5'],
  async run({ api, print }, { args }) {
    const client = await api();
    const { status, body } = await client.request<VpcHost>({
      method: 'PUT',
      path: apiPath`/v1/vpcs/${args.vpc}/hosts/${args.name}`,
      body: { addresses: args.addresses },
    });
    const text = () =>
      `Host ${body.name} ${status === 201 ? 'added' : 'set'}: ${body.addresses.join(', ')}\n`;
    await print.object(body, { text, name: body.name });
  },
});
