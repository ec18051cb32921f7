import { z } from 'zod';
import { Headers, HeaderName, HeaderValue } from './header.ts';
import { ResourceName } from './name.ts';
import { PoolName } from './pool.ts';
import { RateLimit } from './rate-limit.ts';

/** A host with an optional wildcard for its first label, in lower case. */
const HOST_PATTERN =
  /^(?=.{1,253}$)(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
/** A path as it comes in a request (RFC 3986 `pchar` and `/`, but for `;`, which ends a runtime command); no query. */
const PATH = /^\/[A-Za-z0-9\-._~!$&'()*+,=:@%/]*$/;
/** RFC 9110 `token` in capitals. */
const METHOD = /^[A-Z][A-Z-]{0,31}$/;

/** The most routes of one load balancer. */
export const MAX_ROUTES = 10_000;

const HostPattern = z
  .string()
  .overwrite((text) => text.toLowerCase())
  .regex(HOST_PATTERN, 'must be a host such as app.example.com or *.example.com');

const PathText = z
  .string()
  .max(1024)
  .regex(PATH, 'must be an absolute path such as /api, percent-encoded (RFC 3986), without a query');

/** One or several of something. */
function oneOrMore<T extends z.ZodType>(item: T, max: number) {
  return z.union([z.array(item).min(1).max(max), item]);
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
    header: z
      .record(HeaderName, HeaderValue)
      .refine((headers) => Object.keys(headers).length <= 16, 'at most 16 headers')
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
    scheme: z.enum(['http', 'https']).optional().describe('Default: as in the request.'),
    host: z
      .string()
      .overwrite((text) => text.toLowerCase())
      .regex(
        /^(?!\*)[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?(:\d{1,5})?$/,
        'must be a host such as www.example.com, with or without a port',
      )
      .optional()
      .describe('Default: as in the request.'),
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
      .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)])
      .default(302)
      .describe('301, 302, 303, 307 or 308 (RFC 9110, section 15.4). Default: 302.'),
  })
  .describe('Sends the client elsewhere.');
export type Redirect = z.infer<typeof Redirect>;

/** The longest body that is answered without a backend, in characters. */
export const MAX_BODY = 8192;

/** Any text that can be sent: no NUL. */
// oxlint-disable-next-line no-control-regex
const BodyText = z
  .string()
  .max(MAX_BODY)
  .regex(/^[^\u0000]*$/, 'must not hold NUL');

export const ContentType = z
  .string()
  .max(100)
  .regex(
    /^[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*(; ?charset=[A-Za-z0-9-]+)?$/,
    'must be a media type such as text/html; charset=utf-8',
  );

export const Respond = z
  .strictObject({
    status: z.int().min(200).max(599).default(200).describe('Status of the answer. Default: 200.'),
    contentType: ContentType.default('text/plain; charset=utf-8').describe(
      'Media type of the body. Default: text/plain; charset=utf-8.',
    ),
    body: BodyText.default('').describe('The body, up to 8192 characters. Default: empty.'),
  })
  .describe('Answers without a backend.');
export type Respond = z.infer<typeof Respond>;

export const Rewrite = z
  .strictObject({
    path: PathText.optional().describe('The path that the backend gets in place of the whole path.'),
    pathPrefix: PathText.optional().describe(
      'What the backend gets in place of the route’s `pathPrefix`; `/` takes it away.',
    ),
    host: z
      .string()
      .overwrite((text) => text.toLowerCase())
      .regex(/^(?!\*)[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?(:\d{1,5})?$/, 'must be a host')
      .optional()
      .describe('The Host header that the backend gets.'),
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
      .max(16)
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

/** A list of what may be one, several or none. */
export function listOf<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** Gives each route without a name one made from what it matches, so that it can be pointed at. */
export function completeRoutes(routes: readonly RouteInput[]): Route[] {
  const taken = new Set(routes.flatMap(({ name }) => (name === undefined ? [] : [name])));
  return routes.map(({ name: given, ...route }) => {
    const name = given ?? freeName(nameFromMatch(route.match), taken);
    taken.add(name);
    return { name, ...route };
  });
}

function nameFromMatch(match: RouteMatch): string {
  const parts = [
    listOf(match.host)[0],
    match.path ?? match.pathPrefix,
    ...Object.keys(match.header ?? {}),
    ...listOf(match.method).slice(0, 1),
  ];
  const slug = parts
    .filter((part) => part !== undefined)
    .join('-')
    .toLowerCase()
    .replaceAll('*', 'any')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 50)
    .replace(/^-+|-+$/g, '');
  return slug === '' ? 'all' : slug;
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!taken.has(name)) return name;
  }
}
