import type { z } from 'zod';
import type { Validated } from '../../spec/validate.ts';
import type { Role } from '../resources.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Request headers that some routes honour; {@link REQUEST_HEADERS} describes them. */
export type RequestHeader = 'If-Match' | 'Prefer' | 'Idempotency-Key';

interface RouteBody {
  /** What the body must be; the reference shows it. */
  schema: z.ZodType;
  /** How the body is read when the schema alone does not tell all of its faults. */
  parse?: (body: unknown) => Validated<unknown>;
  /** Named examples for the reference. */
  examples?: Readonly<Record<string, unknown>>;
}

export interface RouteResponse {
  description: string;
  schema?: z.ZodType;
  /** Default: `application/json`. */
  contentType?: string;
  /** The events that come instead with `Accept: text/event-stream`, in words. */
  events?: string;
  /** Response headers and what they say. */
  headers?: Readonly<Record<string, string>>;
}

/** One operation of the API as data: the server, the OpenAPI document and the reference are made from it. */
export interface Route {
  method: Method;
  /** Path with `{parameters}`. */
  path: string;
  tag: string;
  summary: string;
  description: string;
  /**
   * Least role that may call it; `agent` is a machine's own credential, `enrol` the token with which one is got, `public`
   * needs none.
   */
  role: Role | 'agent' | 'enrol' | 'public';
  params?: z.ZodObject;
  query?: z.ZodObject;
  headers?: readonly RequestHeader[];
  body?: RouteBody;
  /** Statuses of problems that not every route of its kind has. */
  problems?: readonly number[];
  /** Largest body in bytes where it is not the usual one. */
  bodyLimit?: number;
  responses: Readonly<Record<number, RouteResponse>>;
}

/** Routes by operation id. */
export type Routes = Readonly<Record<string, Route>>;

/** Keeps the exact type of a table of routes, from which the handlers' types follow. */
export function defineRoutes<const R extends Routes>(routes: R): R {
  return routes;
}

type Output<T> = T extends z.ZodType ? z.output<T> : Record<string, never>;

export type RouteParams<R extends Route> = Output<R['params']>;
export type RouteQuery<R extends Route> = Output<R['query']>;
export type RouteBodyValue<R extends Route> = R['body'] extends {
  parse: (body: unknown) => Validated<infer T>;
}
  ? T
  : R['body'] extends { schema: infer S extends z.ZodType }
    ? z.output<S>
    : undefined;

export const REQUEST_HEADERS: Readonly<Record<RequestHeader, string>> = {
  'If-Match':
    'ETag (or several, or `*`) that the resource must have for the write to happen; otherwise 412. For backends and hosts it is the ETag of the load balancer or VPC that they belong to.',
  Prefer:
    '`wait=N`: answer when the change is live on every machine, or after N seconds (at most 60). `Preference-Applied` says that it was honoured.',
  'Idempotency-Key':
    'Up to 255 characters. A second request with the same key within 24 hours gets the first one’s answer and changes nothing.',
};
