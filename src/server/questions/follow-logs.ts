import { AppError } from '../../base/errors.ts';
import type { ServerContext } from '../context.ts';
import { KEEP_ALIVE, type ServerEvent } from '../http/event-stream.ts';
import type { AskedNode } from './ask-node.ts';
import type { LogCursors } from './log-cursors.ts';
import { LogTails, type LogsQuestion } from './log-tails.ts';
import { problemEvent } from './problem-event.ts';

const PAUSE_MS = 50;
/** How often it is looked who the nodes are. */
const NODES_EVERY_MS = 5000;

export interface Followed {
  question: LogsQuestion;
  /** Where a stream that was broken off goes on, by machine. */
  cursors: LogCursors;
  /** The nodes now; they may change while lines are followed. */
  nodes(): Promise<readonly AskedNode[]>;
  /** Aborted when nobody reads any more. */
  signal: AbortSignal;
}

/**
 * The lines that all nodes have and then every one that comes, in the order of their times as far as they come in that
 * order. First questions that all fail throw before anything is sent.
 */
export async function followLogs(
  context: ServerContext,
  { question, cursors, nodes, signal }: Followed,
): Promise<AsyncIterable<ServerEvent | typeof KEEP_ALIVE>> {
  const { clock, closing } = context;
  const over = AbortSignal.any([signal, closing]);
  const tails = new LogTails(context, { question, cursors, over });
  const first = await tails.begin(await nodes());
  return (async function* () {
    yield* first;
    let nodesAt = clock.now();
    while (!over.aborted) {
      const events = await tails.next(NODES_EVERY_MS);
      if (over.aborted) return;
      yield* events;
      if (events.length === 0) {
        yield KEEP_ALIVE;
        // An agent that does not wait must not keep us busy.
        await clock.sleep(PAUSE_MS, over);
      }
      if (clock.now() - nodesAt < NODES_EVERY_MS) continue;
      nodesAt = clock.now();
      try {
        tails.renew(await nodes());
      } catch (error) {
        yield problemEvent(error);
        // One that is gone has no lines any more.
        if (error instanceof AppError && error.code === 'not_found') return;
      }
    }
  })();
}
