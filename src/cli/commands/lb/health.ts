import { apiPath } from '../../../api/client.ts';
import type { Health } from '../../../api/load-balancer.ts';
import { defineCommand } from '../../command.ts';
import { certificateColumns } from '../../output/certificates.ts';
import { renderTable } from '../../output/table.ts';
import { backendStatusColumns } from '../../output/load-balancer.ts';

export const health = defineCommand({
  path: ['lb', 'health'],
  summary: 'Show the state of every backend and certificate, with the reason',
  args: [{ name: 'name', summary: 'Name or id', completes: 'load-balancer' }],
  options: {},
  examples: ['agentmetal lb health web-lb'],
  async run({ api, io, print }, { args }) {
    const client = await api();
    const { body } = await client.request<Health>({
      method: 'GET',
      path: apiPath`/v1/load-balancers/${args.name}/health`,
    });
    await print.list(body.backends, {
      columns: backendStatusColumns(io.now(), print.style),
      name: ({ target }) => target,
      empty: `${args.name} has no backends. Add one: agentmetal lb backend add ${args.name} --target HOST:PORT`,
      value: body,
    });
    // In other formats they are part of the value.
    if (print.format === 'table' && body.certificates.length > 0)
      print.text(`\n${renderTable(certificateColumns(io.now(), print.style), body.certificates)}`);
  },
});
