import { z } from 'zod';
import { Failover } from '../failover.ts';
import { Switch, nameOrId } from './parts.ts';
import { defineRoutes } from './route.ts';

export const failoverRoutes = defineRoutes({
  failOver: {
    method: 'POST',
    path: '/v1/load-balancers/{loadBalancer}/failover',
    tag: 'Load balancers',
    summary: 'Have another node take over',
    description:
      'The node that has the floating addresses lets another one take them, as before maintenance of its machine. It keeps serving and stands by from then on. Where several nodes have addresses (three nodes or more, or BGP), all others come first from then on, until the node takes its part `back`.',
    role: 'operator',
    problems: [409, 503],
    params: z.strictObject({ loadBalancer: nameOrId }),
    query: z.strictObject({
      node: z
        .string()
        .max(64)
        .optional()
        .describe(
          'Name of the machine that gives the addresses up. Needed where several have them. Default: the one that has them.',
        ),
      back: Switch.describe(
        '`true`: the node takes its part again that it has given up, where several nodes have addresses. Default: false.',
      ),
    }),
    responses: { 200: { description: 'Another node takes over.', schema: Failover } },
  },
});
