import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Role } from '../../api/resources.ts';
import type { Route, RouteBodyValue, RouteParams, RouteQuery, Routes } from '../../api/contract/route.ts';
import type { KEEP_ALIVE, ServerEvent } from './event-stream.ts';

/** Who calls. */
export type Identity =
  | { kind: 'key'; id: string; name: string; role: Role }
  | { kind: 'machine'; id: string; name: string }
  | { kind: 'enrolling'; id: string; name: string }
  | { kind: 'nobody' };

/** A request whose parts have all been read and accepted. */
export interface ApiRequest<R extends Route = Route> {
  params: RouteParams<R>;
  query: RouteQuery<R>;
  body: RouteBodyValue<R>;
  identity: Identity;
  /** The secret that the caller showed; empty on public routes. */
  token: string;
  headers: IncomingHttpHeaders;
  method: string;
  /** Path and query as they came. */
  url: string;
  /** The body's bytes as they came. */
  rawBody: Buffer;
  /** Aborted when the caller has gone. */
  signal: AbortSignal;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  /** An object is answered as JSON, text as it is. */
  body?: unknown;
  /** Answered as the bytes that it gives, instead of a body. */
  stream?: Readable;
  /** Answered as a stream of events, instead of a body. */
  events?: AsyncIterable<ServerEvent | typeof KEEP_ALIVE>;
}

export type Handler<R extends Route = Route> = (request: ApiRequest<R>) => Promise<Answer>;

/** One handler for every operation of a table of routes. */
export type Handlers<T extends Routes> = { [Id in keyof T]: Handler<T[Id]> };

/** Name of the caller as revisions keep it. */
export function authorOf(identity: Identity): string {
  return identity.kind === 'nobody' ? 'nobody' : identity.name;
}
