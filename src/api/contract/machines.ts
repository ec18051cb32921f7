import { z } from 'zod';
import { Machine } from '../resources.ts';
import { PageQuery, listResponse, nameOrId } from './parts.ts';
import { defineRoutes } from './route.ts';

export const machineRoutes = defineRoutes({
  listMachines: {
    method: 'GET',
    path: '/v1/machines',
    tag: 'Machines',
    summary: 'List machines',
    description: 'The hosts that can be nodes of load balancers.',
    role: 'viewer',
    query: PageQuery,
    responses: listResponse(Machine),
  },
  getMachine: {
    method: 'GET',
    path: '/v1/machines/{machine}',
    tag: 'Machines',
    summary: 'Show a machine',
    description: 'With what its agent last said.',
    role: 'viewer',
    params: z.strictObject({ machine: nameOrId }),
    responses: { 200: { description: 'The machine.', schema: Machine } },
  },
});
