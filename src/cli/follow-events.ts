import type { ServerSentEvent } from '../api/client.ts';
import { AppError } from '../base/errors.ts';
import { EXIT } from './failure.ts';
import { printable } from './output/style.ts';
import type { CliContext } from './session.ts';

const RETRY_MS = 1000;

export interface Followed {
  path: string;
  query?: Record<string, string | number | undefined>;
  onEvent(event: ServerSentEvent): void;
}

/**
 * Follows a stream until the user ends it. One that breaks off is taken up again where it was; one that never began
 * fails. Faults in between are told on stderr.
 */
export async function followEvents(
  { api, io, options }: CliContext,
  { path, query = {}, onEvent }: Followed,
): Promise<number> {
  const client = await api();
  const tell = (text: string) => {
    if (!options.quiet) io.stderr.write(`${printable(text)}\n`);
  };
  let last: string | undefined;
  let hasBegun = false;
  for (;;) {
    try {
      const headers = last === undefined ? {} : { 'last-event-id': last };
      for await (const event of client.events({ path, query, headers })) {
        hasBegun = true;
        last = event.id ?? last;
        if (event.event === 'problem') tell(problemText(event.data));
        else onEvent(event);
      }
    } catch (error) {
      if (io.signal.aborted) return EXIT.interrupted;
      if (!hasBegun || !isPassing(error)) throw error;
      tell(error.message);
    }
    if (io.signal.aborted) return EXIT.interrupted;
    await io.sleep(RETRY_MS, io.signal);
  }
}

function isPassing(error: unknown): error is AppError {
  return error instanceof AppError && ['unavailable', 'agent_unavailable'].includes(error.code);
}

function problemText(data: unknown): string {
  const detail = (data as { detail?: unknown } | null)?.detail;
  return typeof detail === 'string' ? detail : 'the control plane met a fault';
}
