import { z } from 'zod';
import { LoadBalancer, Revision } from '../load-balancer.ts';
import {
  POST_HEADERS,
  PageQuery,
  WriteQuery,
  created,
  listResponse,
  nameOrId,
  orDryRun,
  resource,
} from './parts.ts';
import { defineRoutes } from './route.ts';

const params = z.strictObject({ loadBalancer: nameOrId });
const oneRevision = params.extend({
  revision: z.coerce.number().int().min(1).max(2_147_483_647).describe('Number of the revision.'),
});

export const revisionRoutes = defineRoutes({
  listRevisions: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/revisions',
    tag: 'Revisions',
    summary: 'List the revisions',
    description: 'The newest first.',
    role: 'viewer',
    params,
    query: PageQuery,
    responses: listResponse(Revision),
  },
  getRevision: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/revisions/{revision}',
    tag: 'Revisions',
    summary: 'Show a revision',
    description: 'What changed, by which plan, and the receipt of every machine.',
    role: 'viewer',
    params: oneRevision,
    responses: { 200: { description: 'The revision.', schema: Revision } },
  },
  restoreRevision: {
    method: 'POST',
    path: '/v1/load-balancers/{loadBalancer}/revisions/{revision}/restore',
    tag: 'Revisions',
    summary: 'Bring the spec of a revision back',
    description: 'Makes a new revision with that spec. The present name and labels stay.',
    role: 'operator',
    params: oneRevision,
    query: WriteQuery,
    headers: POST_HEADERS,
    responses: {
      200: resource(
        orDryRun(LoadBalancer),
        'The spec was so already, or with `?dryRun=true` what would happen.',
      ),
      201: created(LoadBalancer, 'A new revision was made; Location is its path.'),
    },
  },
});
