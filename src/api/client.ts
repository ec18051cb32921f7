import { AppError, ERROR_CODES, type ErrorCode, type FieldError, messageOf } from '../base/errors.ts';

export interface ApiClientOptions {
  /** The control plane, e.g. `http://localhost:8080`. */
  url: string;
  /** Bearer key. */
  key: string;
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

export interface ApiResponse<T> {
  status: number;
  headers: Headers;
  body: T;
}

/** Builds a path whose values are escaped: ``apiPath`/v1/vpcs/${name}` ``. */
export function apiPath(parts: TemplateStringsArray, ...values: string[]): string {
  return parts.reduce((path, part, index) => `${path}${encodeURIComponent(values[index - 1] ?? '')}${part}`);
}

/** The error that a problem document told, with all that it said. */
export class ApiError extends AppError {
  readonly requestId: string | undefined;
  constructor(code: ErrorCode, detail: string, options: { hint?: string; errors?: FieldError[]; requestId?: string; cause?: unknown } = {}) {
    super(code, detail, options);
    this.requestId = options.requestId;
  }
}

/** Speaks the REST API. Errors come as {@link ApiError}; a control plane out of reach is `unavailable`. */
export class ApiClient {
  readonly url: string;
  readonly #key: string;

  constructor({ url, key }: ApiClientOptions) {
    this.url = url.replace(/\/+$/, '');
    this.#key = key;
  }

  async request<T>({ method, path, query = {}, body, headers = {}, signal }: ApiRequest): Promise<ApiResponse<T>> {
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const type = body === undefined ? {} : { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' };
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers: { accept: 'application/json', authorization: `Bearer ${this.#key}`, ...type, ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      throw this.#unreachable(error);
    }
    const text = await response.text();
    if (!response.ok) throw problemError(response.status, text);
    return { status: response.status, headers: response.headers, body: (text === '' ? undefined : JSON.parse(text)) as T };
  }

  #unreachable(error: unknown): ApiError {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    return new ApiError('unavailable', `the control plane at ${this.url} does not answer: ${messageOf(cause) || String(cause)}`, {
      hint: 'Start it with `npm run up`, or name another with --url or AGENTMETAL_URL.',
      cause: error,
    });
  }
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
  return new ApiError(known ? (problem.code as ErrorCode) : codeForStatus(status), problem.detail ?? problem.title ?? `HTTP ${status}`, {
    ...(problem.hint ? { hint: problem.hint } : {}),
    ...(problem.errors ? { errors: problem.errors } : {}),
    ...(problem.requestId ? { requestId: problem.requestId } : {}),
  });
}

function codeForStatus(status: number): ErrorCode {
  const match = Object.entries(ERROR_CODES).find(([, entry]) => entry.status === status);
  if (match) return match[0] as ErrorCode;
  return status >= 500 ? 'unavailable' : 'invalid_request';
}
