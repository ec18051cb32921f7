import { z } from 'zod';
import type { FieldError } from '../../base/errors.ts';
import { jsonPointer } from '../../base/pointer.ts';
import { Backend, BackendSettings } from '../../spec/backend.ts';
import { DEFAULT_POOL } from '../../spec/pools-of.ts';
import { type Validated, parseWith } from '../../spec/validate.ts';
import { BackendResource, BackendWhy, DryRun } from '../load-balancer.ts';
import { mergePatchOf } from './merge-patch.ts';
import {
  ETAG,
  POST_HEADERS,
  PageQuery,
  WRITE_HEADERS,
  WriteQuery,
  created,
  listResponse,
  nameOrId,
  orDryRun,
  pageOf,
  resource,
} from './parts.ts';
import { defineRoutes } from './route.ts';

/** Backends to add as the caller sent them: one alone or a list, for errors point into the body. */
export interface BackendAddition {
  backends: Backend[];
  single: boolean;
}

const params = z.strictObject({ loadBalancer: nameOrId });
const PoolQuery = z.strictObject({
  pool: z.string().max(64).default(DEFAULT_POOL).describe('The pool that it is in. Default: default.'),
});
const PoolWriteQuery = WriteQuery.extend(PoolQuery.shape);
const oneBackend = params.extend({
  target: z
    .string()
    .max(16_384)
    .describe('The backend’s target, URL-encoded: `web-1:8080` or `[fd00::7]:8080`.'),
});

const EXAMPLE = { target: 'web-3:8080', weight: 50 };

export const backendRoutes = defineRoutes({
  listBackends: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/backends',
    tag: 'Backends',
    summary: 'List the backends',
    description: 'Those of all pools, or of one, in the order of the spec, each with its state.',
    role: 'viewer',
    params,
    query: PageQuery.extend({
      pool: z.string().max(64).optional().describe('Only those of this pool. Default: all pools.'),
    }),
    responses: listResponse(BackendResource),
  },
  addBackends: {
    method: 'POST',
    path: '/v1/load-balancers/{loadBalancer}/backends',
    tag: 'Backends',
    summary: 'Add one backend or several',
    description:
      'Clients that add at the same time all succeed. One that is there with the same settings is left alone (200 when nothing is new); with other settings the answer is 409.',
    role: 'operator',
    params,
    query: PoolWriteQuery,
    headers: POST_HEADERS,
    body: {
      schema: z.union([Backend, z.array(Backend).min(1)]),
      parse: parseAddition,
      examples: { one: EXAMPLE, several: [EXAMPLE, { target: 'web-4:8080', weight: 50 }] },
    },
    responses: {
      200: {
        description: 'They were there already, or with `?dryRun=true` what would happen.',
        schema: z.union([BackendResource, pageOf(BackendResource), DryRun]),
        headers: ETAG,
      },
      201: created(z.union([BackendResource, pageOf(BackendResource)]), 'Added.'),
    },
  },
  getBackend: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/backends/{target}',
    tag: 'Backends',
    summary: 'Show a backend',
    description: 'Its settings and its state.',
    role: 'viewer',
    params: oneBackend,
    query: PoolQuery,
    responses: { 200: resource(BackendResource, 'The backend.') },
  },
  explainBackend: {
    method: 'GET',
    path: '/v1/load-balancers/{loadBalancer}/backends/{target}/why',
    tag: 'Backends',
    summary: 'Show why a backend is in its state',
    description:
      'What is checked and where, what the last failed check came to, a look of the agent’s own with what was sent and answered, and the last changes. What backends answer is made safe to show: control characters are written out.',
    role: 'viewer',
    params: oneBackend,
    query: PoolQuery,
    responses: { 200: { description: 'What is known.', schema: BackendWhy } },
  },
  putBackend: {
    method: 'PUT',
    path: '/v1/load-balancers/{loadBalancer}/backends/{target}',
    tag: 'Backends',
    summary: 'Add a backend or replace its settings',
    description: 'Settings left out get their defaults.',
    role: 'operator',
    params: oneBackend,
    query: PoolWriteQuery,
    headers: WRITE_HEADERS,
    body: { schema: Backend.partial({ target: true }), examples: { settings: { weight: 10 } } },
    responses: {
      200: resource(orDryRun(BackendResource), 'Replaced, or it was so already.'),
      201: created(BackendResource, 'Added.'),
    },
  },
  updateBackend: {
    method: 'PATCH',
    path: '/v1/load-balancers/{loadBalancer}/backends/{target}',
    tag: 'Backends',
    summary: 'Change settings of a backend',
    description: 'A JSON merge patch (RFC 7396): what is left out stays, `null` sets back to the default.',
    role: 'operator',
    params: oneBackend,
    query: PoolWriteQuery,
    headers: WRITE_HEADERS,
    body: {
      schema: mergePatchOf(BackendSettings),
      examples: { drain: { drain: true }, weight: { weight: 10 } },
    },
    responses: { 200: resource(orDryRun(BackendResource), 'The backend after the change.') },
  },
  removeBackend: {
    method: 'DELETE',
    path: '/v1/load-balancers/{loadBalancer}/backends/{target}',
    tag: 'Backends',
    summary: 'Remove a backend',
    description: 'Requests that run on it end undisturbed.',
    role: 'operator',
    params: oneBackend,
    query: PoolWriteQuery,
    headers: WRITE_HEADERS,
    responses: {
      200: { description: 'With `?dryRun=true`: what would happen.', schema: DryRun },
      204: { description: 'It is removed.', headers: ETAG },
    },
  },
});

function parseAddition(body: unknown): Validated<BackendAddition> {
  if (!Array.isArray(body)) {
    const parsed = parseWith(Backend, body);
    return parsed.ok ? { ok: true, value: { backends: [parsed.value], single: true } } : parsed;
  }
  const parsed = parseWith(z.array(Backend).min(1).max(10_000), body);
  if (!parsed.ok) return parsed;
  const errors = duplicateErrors(parsed.value);
  return errors.length > 0
    ? { ok: false, errors }
    : { ok: true, value: { backends: parsed.value, single: false } };
}

function duplicateErrors(backends: readonly Backend[]): FieldError[] {
  const seen = new Set<string>();
  return backends.flatMap(({ target }, index) => {
    if (!seen.has(target)) {
      seen.add(target);
      return [];
    }
    return [
      { pointer: jsonPointer([index, 'target']), code: 'duplicate', detail: `${target} is named twice` },
    ];
  });
}
