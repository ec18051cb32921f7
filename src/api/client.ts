import {
  AppError,
  ERROR_CODES,
  type ErrorCode,
  type FieldError,
  messageOf,
  systemCode,
} from '../base/errors.ts';

export interface ApiClientOptions {
  /** The control plane, e.g. `http://localhost:8080`. */
  url: string;
  /** Bearer key. */
  key: string;
  /** Ends every request that is under way. */
  signal?: AbortSignal;
  /** Carries requests. Default: `fetch`. */
  send?: Send;
  /** Is told of every request when it has ended. */
  onExchange?: (exchange: ApiExchange) => void;
}

/** What carries a request: `fetch`, or whatever is as good. */
export type Send = (
  url: URL,
  init: { method: string; headers: Record<string, string>; body?: string; signal?: AbortSignal },
) => Promise<Answer>;

type Answer = Pick<Response, 'ok' | 'status' | 'text'> & {
  headers: Pick<Headers, 'get'>;
  /** The answer as it comes, instead of `text`. */
  body?: AsyncIterable<Uint8Array> | null;
};

/** One request and how it was answered. */
export interface ApiExchange {
  method: string;
  url: string;
  body: unknown;
  /** `performance.now()` when it was sent. */
  startedAt: number;
  /** HTTP status; `undefined` when no answer came. */
  status: number | undefined;
  requestId: string | undefined;
}

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with leading slash; values in it are escaped already (see {@link apiPath}). */
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** One event of a stream. */
export interface ServerSentEvent {
  event: string;
  data: unknown;
  /** Where a later stream goes on (`Last-Event-ID`); that of an earlier event when it has none of its own. */
  id: string | undefined;
}

export interface ApiResponse<T> {
  status: number;
  headers: Pick<Headers, 'get'>;
  body: T;
}

/** Codes of Node and OpenSSL for a certificate that proves nothing. */
const TRUST_FAULTS: ReadonlySet<string> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Builds a path whose values are escaped: ``apiPath`/v1/vpcs/${name}` ``. */
export function apiPath(parts: TemplateStringsArray, ...values: string[]): string {
  return parts.reduce((path, part, index) => `${path}${encodeURIComponent(values[index - 1] ?? '')}${part}`);
}

/** The error that a problem document told, with all that it said. */
export class ApiError extends AppError {
  readonly requestId: string | undefined;
  constructor(
    code: ErrorCode,
    detail: string,
    options: { hint?: string; errors?: FieldError[]; requestId?: string; cause?: unknown } = {},
  ) {
    super(code, detail, options);
    this.requestId = options.requestId;
  }
}

/** Speaks the REST API. Errors come as {@link ApiError}; a control plane out of reach is `unavailable`. */
export class ApiClient {
  readonly url: string;
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.#options = options;
  }

  /** Follows a stream of events until it ends; to begin with, errors are those of a request. */
  async *events(request: Pick<ApiRequest, 'path' | 'query' | 'headers'>): AsyncGenerator<ServerSentEvent> {
    const headers = { ...request.headers, accept: 'text/event-stream' };
    const url = this.#urlOf(request);
    const send = this.#options.send ?? fetch;
    const unreachable = (error: unknown) => this.#unreachable(error);
    const answer = await send(url, this.#init({ method: 'GET', path: request.path, headers })).catch(
      (error: unknown) => Promise.reject(unreachable(error)),
    );
    if (!answer.ok) throw problemError(answer.status, await answer.text());
    try {
      yield* readEvents(answer.body ?? []);
    } catch (error) {
      throw unreachable(error);
    }
  }

  #urlOf({ path, query = {} }: Pick<ApiRequest, 'path' | 'query'>): URL {
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  async request<T>({
    method,
    path,
    query = {},
    body,
    headers = {},
    signal,
  }: ApiRequest): Promise<ApiResponse<T>> {
    const url = this.#urlOf({ path, query });
    const startedAt = performance.now();
    const tell = (status?: number, requestId?: string | null) =>
      this.#options.onExchange?.({
        method,
        url: url.href,
        body,
        startedAt,
        status,
        requestId: requestId ?? undefined,
      });
    const send = this.#options.send ?? fetch;
    let response: Answer;
    let text: string;
    try {
      response = await send(url, this.#init({ method, path, body, headers, ...(signal ? { signal } : {}) }));
      text = await response.text();
    } catch (error) {
      tell();
      throw this.#unreachable(error);
    }
    tell(response.status, response.headers.get('x-request-id'));
    if (!response.ok) throw problemError(response.status, text);
    return { status: response.status, headers: response.headers, body: readBody(response, text) as T };
  }

  #init({ method, body, headers, signal }: ApiRequest): Parameters<Send>[1] {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const signals = [signal, this.#options.signal].filter((each) => each !== undefined);
    return {
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${this.#options.key}`,
        ...(body === undefined ? {} : { 'content-type': type }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
    };
  }

  #unreachable(error: unknown): ApiError {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    if (TRUST_FAULTS.has(systemCode(cause) ?? '')) {
      // Node appends advice on how to call Node, which nobody does here.
      const why = messageOf(cause).replace(/; if .*--use-system-ca.*$/s, '');
      return new ApiError(
        'unavailable',
        `the certificate of the control plane at ${this.url} is not trusted: ${why}`,
        { hint: 'Trust it: --ca-file FILE or AGENTMETAL_CA_FILE', cause: error },
      );
    }
    return new ApiError(
      'unavailable',
      `the control plane at ${this.url} does not answer: ${messageOf(cause) || (systemCode(cause) ?? String(cause))}`,
      {
        hint: 'Start it with `npm run up`, or name another with --url or AGENTMETAL_URL.',
        cause: error,
      },
    );
  }
}

/** Takes a stream of events apart (HTML standard, section 9.2); ours come with LF and one line of data. */
async function* readEvents(
  body: AsyncIterable<Uint8Array> | readonly never[],
): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let id: string | undefined;
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map(splitField));
      id = fields.get('id') ?? id;
      const data = fields.get('data');
      if (data !== undefined) yield { event: fields.get('event') ?? 'message', data: JSON.parse(data), id };
    }
  }
}

function splitField(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}

/** JSON where the answer says so; a rendered configuration is plain text. */
function readBody(response: Answer, text: string): unknown {
  if (text === '') return undefined;
  return response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text;
}

interface ProblemBody {
  code?: string;
  detail?: string;
  title?: string;
  hint?: string;
  requestId?: string;
  errors?: FieldError[];
}

function problemError(status: number, text: string): ApiError {
  let problem: ProblemBody = {};
  try {
    problem = JSON.parse(text) as ProblemBody;
  } catch {
    // A proxy in between may answer with a page; its status is all that can be told.
    problem = { detail: `HTTP ${status}` };
  }
  const known = problem.code !== undefined && Object.hasOwn(ERROR_CODES, problem.code);
  return new ApiError(
    known ? (problem.code as ErrorCode) : codeForStatus(status),
    problem.detail ?? problem.title ?? `HTTP ${status}`,
    {
      ...(problem.hint ? { hint: problem.hint } : {}),
      ...(problem.errors ? { errors: problem.errors } : {}),
      ...(problem.requestId ? { requestId: problem.requestId } : {}),
    },
  );
}

function codeForStatus(status: number): ErrorCode {
  const match = Object.entries(ERROR_CODES).find(([, entry]) => entry.status === status);
  if (match) return match[0] as ErrorCode;
  return status >= 500 ? 'unavailable' : 'invalid_request';
}
