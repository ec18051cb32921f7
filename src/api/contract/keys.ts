import { z } from 'zod';
import { Key, KeyInput, NewKey, ResourceDryRun } from '../resources.ts';
import { DryRunQuery, PageQuery, listResponse, nameOrId } from './parts.ts';
import { defineRoutes } from './route.ts';

const params = z.strictObject({ key: nameOrId });
const dryRun = { description: 'With `?dryRun=true`: what would happen.', schema: ResourceDryRun };

export const keyRoutes = defineRoutes({
  listKeys: {
    method: 'GET',
    path: '/v1/keys',
    tag: 'API keys',
    summary: 'List API keys',
    description: 'Without their secrets.',
    role: 'admin',
    query: PageQuery,
    responses: listResponse(Key),
  },
  createKey: {
    method: 'POST',
    path: '/v1/keys',
    tag: 'API keys',
    summary: 'Create an API key',
    description: 'The answer holds the key. It is shown this once; only its hash is kept.',
    role: 'admin',
    query: DryRunQuery,
    headers: ['Idempotency-Key'],
    body: { schema: KeyInput, examples: { deployer: { name: 'ci-deployer', role: 'operator' } } },
    responses: {
      200: dryRun,
      201: {
        description: 'It was created.',
        schema: NewKey,
        headers: { Location: 'Path of the new resource.' },
      },
    },
  },
  getKey: {
    method: 'GET',
    path: '/v1/keys/{key}',
    tag: 'API keys',
    summary: 'Show an API key',
    description: 'Without its secret.',
    role: 'admin',
    params,
    responses: { 200: { description: 'The key.', schema: Key } },
  },
  revokeKey: {
    method: 'DELETE',
    path: '/v1/keys/{key}',
    tag: 'API keys',
    summary: 'Revoke an API key',
    description: 'It stops working at once. The last admin key stays.',
    role: 'admin',
    params,
    query: DryRunQuery,
    responses: { 200: dryRun, 204: { description: 'It is revoked.' } },
  },
});
