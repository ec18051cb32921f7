import { z } from 'zod';
import { Failover } from '../failover.ts';
import { nameOrId } from './parts.ts';
import { defineRoutes } from './route.ts';

export const failoverRoutes = defineRoutes({
  failOver: {
    method: 'POST',
    path: '/v1/load-balancers/{loadBalancer}/failover',
    tag: 'Load balancers',
    summary: 'Have another node take over',
    description:
      'The node that has the floating addresses lets another one take them, as before maintenance of its machine. It keeps serving and stands by from then on.',
    role: 'operator',
    problems: [409, 503],
    params: z.strictObject({ loadBalancer: nameOrId }),
    responses: { 200: { description: 'Another node takes over.', schema: Failover } },
  },
});
