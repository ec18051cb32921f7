import type { z } from 'zod';
import { messageOf, systemCode } from '../../base/errors.ts';
import { DnsFault, type DnsFaultKind } from '../provider.ts';

const TIMEOUT_MS = 10_000;
const LONGEST_REASON = 300;

export interface JsonRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Readonly<Record<string, string>>;
  body?: unknown;
}

export interface JsonApiOptions {
  /** Who answers, for sentences: `PowerDNS at http://…`. */
  who: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  /** The provider's own words for what was wrong, out of its answer. */
  reason(body: unknown): string | undefined;
  signal: AbortSignal;
  /** What a status means where it is not the usual. */
  kindOf?(status: number, body: unknown): DnsFaultKind | undefined;
}

/** Sends a request and reads the answer as the schema says; anything else than a 2xx is thrown as a {@link DnsFault}. */
export type JsonApi = <T extends z.ZodType>(request: JsonRequest, schema: T) => Promise<z.output<T>>;

export function createJsonApi(options: JsonApiOptions): JsonApi {
  const { who, reason, kindOf } = options;
  return async (request, schema) => {
    const answer = await send(request, options);
    const body = parseBody(answer.text);
    if (answer.status >= 200 && answer.status < 300) {
      const parsed = schema.safeParse(body);
      if (parsed.success) return parsed.data;
      throw new DnsFault(
        'failed',
        `${who} answered ${request.method} ${request.path} in a form that is not its own`,
      );
    }
    const words = (reason(body) ?? '').slice(0, LONGEST_REASON);
    const kind = kindOf?.(answer.status, body) ?? usualKind(answer.status);
    throw new DnsFault(kind, `${who} answered ${answer.status}${words === '' ? '' : `: ${words}`}`);
  };
}

async function send(
  { method, path, query = {}, body }: JsonRequest,
  { who, url, headers, signal }: JsonApiOptions,
): Promise<{ status: number; text: string }> {
  const search = new URLSearchParams(query).toString();
  try {
    const response = await fetch(`${url}${path}${search === '' ? '' : `?${search}`}`, {
      method,
      // A credential must not follow to wherever an answer points.
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw unreachable(who, error);
  }
}

/** The fault for a request that got no answer. */
export function unreachable(who: string, error: unknown): DnsFault {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return new DnsFault(
    'unreachable',
    `${who} cannot be reached: ${systemCode(cause) ?? messageOf(cause)}`,
    error,
  );
}

function parseBody(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // An error page of something in between; its status says enough.
    return undefined;
  }
}

/** What an HTTP status of an API says. */
export function usualKind(status: number): DnsFaultKind {
  if (status === 401 || status === 403) return 'refused';
  if (status === 404) return 'no_zone';
  if (status === 409 || status === 412) return 'conflict';
  return status >= 500 || status === 429 ? 'unreachable' : 'failed';
}
