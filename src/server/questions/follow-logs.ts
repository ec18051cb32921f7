import type { AnswerTo, QuestionBody } from '../../api/agent-questions.ts';
import { MAX_LOG_LINES } from '../../api/logs.ts';
import type { ServerContext } from '../context.ts';
import { KEEP_ALIVE, type ServerEvent } from '../http/event-stream.ts';
import { type AskedNode, askNode } from './ask-node.ts';
import { problemEvent } from './problem-event.ts';

export type LogsQuestion = Extract<QuestionBody, { kind: 'logs' }>;
type LogsAnswer = AnswerTo<'logs'>;

/** How long an agent waits for a line before it says that there is none. */
const WAIT_MS = 10_000;
const RETRY_MS = 1000;
const PAUSE_MS = 50;

export interface Followed {
  question: LogsQuestion;
  /** Where a stream that was broken off goes on. */
  cursor: string | undefined;
  /** Aborted when nobody reads any more. */
  signal: AbortSignal;
}

/** The lines that there are and then every one that comes. A first question that fails throws before anything is sent. */
export async function followLogs(
  context: ServerContext,
  node: AskedNode,
  { question, cursor, signal }: Followed,
): Promise<AsyncIterable<ServerEvent | typeof KEEP_ALIVE>> {
  const over = AbortSignal.any([signal, context.closing]);
  const ask = (from: string | undefined, waitMs: number, limit: number) =>
    askNode(
      context,
      node,
      { ...question, limit, follow: { waitMs, ...(from === undefined ? {} : { cursor: from }) } },
      { signal: over, extraMs: waitMs },
    );
  const first = await ask(cursor, 0, cursor === undefined ? question.limit : MAX_LOG_LINES);
  return (async function* () {
    yield* eventsOf(first, node.machine);
    let at = first.cursor;
    while (!over.aborted) {
      try {
        const answer = await ask(at, WAIT_MS, MAX_LOG_LINES);
        at = answer.cursor;
        yield* eventsOf(answer, node.machine);
        if (answer.lines.length > 0) continue;
        yield KEEP_ALIVE;
        // An agent that does not wait must not keep us busy.
        await context.clock.sleep(PAUSE_MS, over);
      } catch (error) {
        if (over.aborted) return;
        yield problemEvent(error);
        await context.clock.sleep(RETRY_MS, over);
      }
    }
  })();
}

function* eventsOf({ lines, missed, cursor }: LogsAnswer, machine: string): Generator<ServerEvent> {
  if (missed > 0) yield { event: 'missed', data: { lines: missed, machine } };
  for (const [index, line] of lines.entries()) {
    // The cursor stands behind the last line: one that gets it has got the others.
    const isLast = index === lines.length - 1 && cursor !== undefined;
    yield { event: 'request', data: { ...line, machine }, ...(isLast ? { id: cursor } : {}) };
  }
}
