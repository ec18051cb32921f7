import { z } from 'zod';
import { HeaderName, Headers, headerValues } from './header.ts';
import { Authority, HostPattern } from './host.ts';
import { ResourceName } from './name.ts';
import { PoolName } from './pool.ts';
import { RateLimit } from './rate-limit.ts';
import { BodyText, ContentType } from './text.ts';

/** A path as it comes in a request (RFC 3986 `pchar` and `/`, but for `;`, which ends a runtime command); no query. */
const PATH = /^\/[A-Za-z0-9\-._~!$&'()*+,=:@%/]*$/;
/** RFC 9110 `token` in capitals. */
const METHOD = /^[A-Z][A-Z-]{0,31}$/;

/** The most parts of one split. */
export const MAX_PARTS = 16;
/** The most routes of one load balancer. */
export const MAX_ROUTES = 10_000;

const PathText = z
  .string()
  .max(1024)
  .regex(PATH, 'must be an absolute path such as /api, percent-encoded (RFC 3986), without a query');

/** One or several of something; what is named twice is kept once. */
function oneOrMore<T extends z.ZodType<string>>(item: T, max: number) {
  const several = z
    .array(item)
    .min(1)
    .max(max)
    .overwrite((list) => [...new Set(list)]);
  return z.union([several, item]);
}

export const RouteMatch = z
  .strictObject({
    host: oneOrMore(HostPattern, 100)
      .optional()
      .describe(
        'Host that was asked for, or several: exact, or with `*` for one first label, as in a certificate. Without a port. Default: any.',
      ),
    path: PathText.optional().describe('The whole path, exactly. Default: any.'),
    pathPrefix: PathText.optional().describe(
      'The path’s first segments: `/api` is `/api` and `/api/v1`, not `/apifoo`. Default: any.',
    ),
    header: headerValues(HeaderName, 16)
      .optional()
      .describe('Headers that must all be there with exactly these values; `*` is any value. Default: any.'),
    method: oneOrMore(z.string().regex(METHOD, 'must be a method such as GET'), 16)
      .optional()
      .describe('Method, or several. Default: any.'),
  })
  .describe('Which requests a route is for: those to which all of it applies.');
export type RouteMatch = z.infer<typeof RouteMatch>;

export const SplitPart = z
  .strictObject({
    pool: PoolName.describe('A pool.'),
    weight: z.int().min(0).max(1000).describe('Its share relative to the other parts, 0 to 1000.'),
  })
  .describe('One part of a split.');

export const Redirect = z
  .strictObject({
    scheme: z
      .enum(['http', 'https'])
      .optional()
      .describe(
        'Default: as in the request. Alone, it is for requests of the other scheme; those that have it go on to the next route.',
      ),
    host: Authority.optional().describe('Default: as in the request.'),
    path: z
      .string()
      .max(1024)
      .regex(
        /^\/[A-Za-z0-9\-._~!$&'()*+,=:@%/?]*$/,
        'must be an absolute path such as /new, percent-encoded (RFC 3986)',
      )
      .optional()
      .describe('Path in place of the request’s path and query. Default: as in the request.'),
    status: z
      .literal([301, 302, 303, 307, 308], 'must be 301, 302, 303, 307 or 308')
      .default(302)
      .describe('301, 302, 303, 307 or 308 (RFC 9110, section 15.4). Default: 302.'),
  })
  .describe('Sends the client elsewhere: names at least one of scheme, host and path.');
export type Redirect = z.infer<typeof Redirect>;

export const Respond = z
  .strictObject({
    status: z.int().min(200).max(599).default(200).describe('Status of the answer. Default: 200.'),
    contentType: ContentType.default('text/plain; charset=utf-8').describe(
      'Media type of the body. Default: text/plain; charset=utf-8.',
    ),
    body: BodyText.default('').describe('The body, up to 8192 bytes; 204 and 304 have none. Default: empty.'),
  })
  .describe('Answers without a backend.');
export type Respond = z.infer<typeof Respond>;

export const Rewrite = z
  .strictObject({
    path: PathText.optional().describe('The path that the backend gets in place of the whole path.'),
    pathPrefix: PathText.optional().describe(
      'What the backend gets in place of the route’s `pathPrefix`; `/` takes it away.',
    ),
    host: Authority.optional().describe('The Host header that the backend gets.'),
  })
  .describe('Changes the request before the backend gets it. The query stays.');
export type Rewrite = z.infer<typeof Rewrite>;

export const Route = z
  .strictObject({
    name: ResourceName.optional().describe(
      'Name of the route, unique in the load balancer. Default: made from what it matches.',
    ),
    match: RouteMatch,
    pool: PoolName.optional().describe('Send to this pool.'),
    split: z
      .array(SplitPart)
      .min(2)
      .max(MAX_PARTS)
      .optional()
      .describe('Send to several pools by weight. Weights change at run time.'),
    redirect: Redirect.optional(),
    respond: Respond.optional(),
    rewrite: Rewrite.optional(),
    headers: Headers.optional().describe('Headers to change for this route, after those of the spec.'),
    rateLimit: RateLimit.optional().describe('A limit for this route alone, besides that of the spec.'),
  })
  .describe('An L7 rule: which requests, and what to do. Exactly one of pool, split, redirect and respond.');
export type RouteInput = z.infer<typeof Route>;

/** A route with its name. */
export interface Route extends Omit<RouteInput, 'name'> {
  name: string;
}

/** What a route does; exactly one of them is given. */
export const ROUTE_ACTIONS = ['pool', 'split', 'redirect', 'respond'] as const;

export { completeRoutes, listOf } from './route-name.ts';
