import {
  ApiClient,
  type ApiClientOptions,
  ApiError,
  type ApiRequest,
  type ApiResponse,
  type ServerSentEvent,
} from '../api/client.ts';
import type { Connection, KeySource } from './connection.ts';

/** The API with the user's key. When the key is refused, the error says where the key came from. */
export class KeyedClient extends ApiClient {
  readonly #connection: Connection;

  constructor(options: ApiClientOptions, connection: Connection) {
    super(options);
    this.#connection = connection;
  }

  override async request<T>(request: ApiRequest): Promise<ApiResponse<T>> {
    try {
      return await super.request<T>(request);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  override async *events(request: Parameters<ApiClient['events']>[0]): AsyncGenerator<ServerSentEvent> {
    try {
      yield* super.events(request);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): unknown {
    return error instanceof ApiError && error.code === 'unauthenticated'
      ? refusedKey(error, this.#connection)
      : error;
  }
}

function refusedKey(error: ApiError, { url, caFile, keySource }: Connection): ApiError {
  if (!keySource) return error;
  return new ApiError('unauthenticated', `the key ${originOf(keySource)} is not known to ${url}`, {
    hint: remedyFor(keySource, { url, caFile }),
    ...(error.requestId === undefined ? {} : { requestId: error.requestId }),
    cause: error,
  });
}

function originOf(source: KeySource): string {
  if (source.kind === 'environment') return 'from AGENTMETAL_API_KEY';
  return source.kind === 'context' ? `of context ${source.name}` : `in ${source.path}`;
}

function remedyFor(source: KeySource, { url, caFile }: Pick<Connection, 'url' | 'caFile'>): string {
  if (source.kind === 'file') return `Put a key of that control plane into ${source.path}`;
  if (source.kind === 'environment') {
    const saved =
      source.instead === undefined ? '' : `, or unset it to use the one of context ${source.instead}`;
    return `Set AGENTMETAL_API_KEY to a key of that control plane${saved}`;
  }
  const { name } = source;
  const place = `--url ${url}${caFile === undefined ? '' : ` --ca-file ${caFile}`}`;
  return `Save another: agentmetal context delete ${name} && agentmetal context create ${name} ${place}`;
}
