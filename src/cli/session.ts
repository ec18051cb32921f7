import type { ApiClient, ApiExchange } from '../api/client.ts';
import { createHttpSend } from '../api/http-send.ts';
import { type Connection, readCaFile, requireKey, resolveConnection } from './connection.ts';
import type { GlobalOptions } from './global-options.ts';
import type { CliIo } from './io.ts';
import { KeyedClient } from './keyed-client.ts';
import { type Printer, createPrinter } from './output/print.ts';
import { type Progress, createProgress } from './output/progress.ts';
import { createStyle, printable } from './output/style.ts';

/** What a command works with. */
export interface CliContext {
  readonly io: CliIo;
  readonly options: GlobalOptions;
  readonly print: Printer;
  readonly progress: Progress;
  /** Where requests go, found out once. */
  connection(): Promise<Connection>;
  /** The API, with a key. */
  api(): Promise<ApiClient>;
}

/** Puts together what a command needs; nothing is read or connected before it is asked for. */
export function createSession(io: CliIo, options: GlobalOptions): CliContext {
  const { env, stdout, stderr } = io;
  const wantsColor = options.color !== false;
  const progress = createProgress({
    stderr,
    style: createStyle(stderr, env, wantsColor),
    quiet: options.quiet,
  });
  const connection = once(() => resolveConnection(options, env));
  return {
    io,
    options,
    print: createPrinter({ stdout, stderr, style: createStyle(stdout, env, wantsColor), options }),
    progress,
    connection,
    api: once(async () => {
      const found = await connection();
      const key = requireKey(found);
      const settings = {
        url: found.url,
        key,
        signal: io.signal,
        send: createHttpSend({ certificate: await readCaFile(found.caFile) }),
        ...(options.debug
          ? { onExchange: (exchange: ApiExchange) => void stderr.write(exchangeText(exchange)) }
          : {}),
      };
      return new KeyedClient(settings, found);
    }),
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** One request and its answer, for `--debug`. The key is in a header, and headers are not shown. */
function exchangeText({ method, url, body, status, startedAt, requestId }: ApiExchange): string {
  const ms = Math.round(performance.now() - startedAt);
  const sent = body === undefined ? '' : ` ${JSON.stringify(body, hideSecrets)}`;
  const answer = status === undefined ? 'no answer' : String(status);
  return `debug: ${printable(`${method} ${url}${sent} -> ${answer}, ${ms} ms${requestId ? `, ${requestId}` : ''}`)}\n`;
}

function hideSecrets(name: string, value: unknown): unknown {
  return /key|secret|token|password/i.test(name) && typeof value === 'string' ? '(hidden)' : value;
}
