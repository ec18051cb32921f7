import { z } from 'zod';
import { durationMs } from '../../base/duration.ts';
import { durationBetween } from '../../spec/duration.ts';
import { MAX_GUARD_MS, MIN_GUARD_MS } from '../../spec/guard.ts';
import { DryRun } from '../load-balancer.ts';
import type { RouteResponse } from './route.ts';

/** A switch in the query. */
export const Switch = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true');

export const DryRunQuery = z.strictObject({
  dryRun: Switch.describe('`true`: answer what would happen and change nothing. Default: false.'),
});

/** Of a write that makes a revision of a load balancer that exists. */
export const WriteQuery = DryRunQuery.extend({
  guard: durationBetween(MIN_GUARD_MS, MAX_GUARD_MS)
    .transform(durationMs)
    .optional()
    .describe(
      'How long to watch, once the change is live, whether it makes anything worse: a duration from 5s to 1h. When the share of 5xx answers rises, backends are lost or answers become slow, the revision before is restored. Default: not watched.',
    ),
});

const MAX_PAGE = 500;

export const PageQuery = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_PAGE)
    .default(50)
    .describe('Most items to answer. Default: 50.'),
  cursor: z.string().max(1024).optional().describe('`nextCursor` of the page before.'),
});

export const SelectQuery = PageQuery.extend({
  labelSelector: z
    .string()
    .max(4096)
    .optional()
    .describe('Terms that the labels must match, by commas: `env=prod,tier!=cache,team,!legacy`.'),
});

export const nameOrId = z.string().max(16_384).describe('Name or id.');

/** Of what the nodes of a load balancer are asked for. */
export const NodeQuery = z.strictObject({
  node: z.string().max(64).optional().describe('Name of the machine of one node. Default: all nodes.'),
});

/** A page of a list. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.strictObject({
    items: z.array(item),
    nextCursor: z
      .string()
      .nullable()
      .describe('Give it as `cursor` to get the next page; null on the last one.'),
  });
}

export function listResponse(item: z.ZodType): Record<number, RouteResponse> {
  return {
    200: {
      description: 'One page.',
      schema: pageOf(item),
      headers: { Link: 'The next page (`rel="next"`), if there is one.' },
    },
  };
}

export const ETAG = { ETag: 'The revision, for If-Match.' };

export function resource(schema: z.ZodType, description: string): RouteResponse {
  return { description, schema, headers: ETAG };
}

export function created(schema: z.ZodType, description: string): RouteResponse {
  return { description, schema, headers: { ...ETAG, Location: 'Path of the new resource.' } };
}

/** A load balancer's write answers the resource, or with `?dryRun=true` what it would do. */
export function orDryRun(schema: z.ZodType, dryRun: z.ZodType = DryRun): z.ZodType {
  return z.union([schema, dryRun]);
}

export const WRITE_HEADERS = ['If-Match', 'Prefer'] as const;
export const POST_HEADERS = ['If-Match', 'Prefer', 'Idempotency-Key'] as const;
