import type { AnswerTo, QuestionBody } from '../../api/agent-questions.ts';
import { MAX_LOG_LINES } from '../../api/logs.ts';
import { AppError } from '../../base/errors.ts';
import type { ServerContext } from '../context.ts';
import type { ServerEvent } from '../http/event-stream.ts';
import { type AskedNode, askNode } from './ask-node.ts';
import { eachNode } from './each-node.ts';
import { type LogCursors, formatCursors } from './log-cursors.ts';
import { type NodeLines, mergeLines } from './merged/logs.ts';
import { problemEvent } from './problem-event.ts';

export type LogsQuestion = Extract<QuestionBody, { kind: 'logs' }>;
type LogsAnswer = AnswerTo<'logs'>;

/** How long an agent waits for a line before it says that there is none. */
const WAIT_MS = 10_000;
const RETRY_MS = 1000;
/** Lines of different nodes that come within this time are put in order. */
const ORDER_MS = 100;

/** One node whose lines are followed. */
interface Tail {
  node: AskedNode;
  cursor: string | undefined;
  /** Only lines from then on, milliseconds since the epoch. */
  since: number | undefined;
  /** What has come and is not told yet. No more is asked for before it is. */
  page: LogsAnswer | undefined;
  reading: Promise<void> | undefined;
  /** Why it does not answer; undefined while it does. */
  fault: AppError | undefined;
  /** A fault that is not told yet. */
  isNews: boolean;
}

export interface LogTailsOptions {
  question: LogsQuestion;
  /** Where a stream that was broken off goes on, by machine. */
  cursors: LogCursors;
  /** Aborted when nobody reads any more. */
  over: AbortSignal;
}

/** The ends of the logs of several nodes. */
export class LogTails {
  readonly #context: ServerContext;
  readonly #options: LogTailsOptions;
  readonly #startedAt: number;
  /** How far lines have been told, by machine. */
  readonly #told: Map<string, string>;
  #tails: Tail[] = [];

  constructor(context: ServerContext, options: LogTailsOptions) {
    this.#context = context;
    this.#options = options;
    this.#startedAt = context.clock.now();
    this.#told = new Map(options.cursors);
  }

  /** The lines that there are. @throws when no node answers. */
  async begin(nodes: readonly AskedNode[]): Promise<ServerEvent[]> {
    const { question, cursors, over } = this.#options;
    const isNew = cursors.size === 0;
    const tails = new Map(
      nodes.map((node) => [node, this.#tail(node, isNew ? question.since : this.#startedAt)]),
    );
    this.#tails = [...tails.values()];
    const { answers, faults } = await eachNode(
      this.#context,
      nodes,
      (node, signal) =>
        this.#ask(tails.get(node), { waitMs: 0, limit: isNew ? question.limit : MAX_LOG_LINES, signal }),
      over,
    );
    for (const { node, answer } of answers) Object.assign(tails.get(node) ?? {}, { page: answer });
    for (const { node, error } of faults)
      Object.assign(tails.get(node) ?? {}, { fault: error, isNews: true, since: this.#startedAt });
    return this.#take(isNew ? question.limit : undefined);
  }

  /** Waits until some node has lines, or a while has passed, and tells what has come. */
  async next(waitMs: number): Promise<ServerEvent[]> {
    const { clock } = this.#context;
    const { over } = this.#options;
    for (const tail of this.#tails)
      if (!tail.page) tail.reading ??= this.#read(tail).finally(() => (tail.reading = undefined));
    const readings = this.#tails.flatMap(({ reading }) => reading ?? []);
    await Promise.race([...readings, clock.sleep(waitMs, over)]);
    if (this.#tails.length > 1) await clock.sleep(ORDER_MS, over);
    return this.#take();
  }

  /** Nodes come and go: what a new one logged before is not told. */
  renew(nodes: readonly AskedNode[]): void {
    const known = new Map(this.#tails.map((tail) => [tail.node.machineId, tail]));
    this.#tails = nodes.map((node) => known.get(node.machineId) ?? this.#tail(node, this.#startedAt));
  }

  /** @param since counts where it is not known up to which line its lines were told. */
  #tail(node: AskedNode, since: number | undefined): Tail {
    const cursor = this.#told.get(node.machine);
    const from = cursor === undefined ? since : this.#options.question.since;
    return {
      node,
      cursor,
      since: from,
      page: undefined,
      reading: undefined,
      fault: undefined,
      isNews: false,
    };
  }

  async #read(tail: Tail): Promise<void> {
    try {
      if (tail.fault) await this.#context.clock.sleep(RETRY_MS, this.#options.over);
      const signal = this.#options.over;
      tail.page = await this.#ask(tail, { waitMs: WAIT_MS, limit: MAX_LOG_LINES, signal });
      tail.fault = undefined;
    } catch (cause) {
      const error =
        cause instanceof AppError ? cause : new AppError('internal', 'a node cannot be asked', { cause });
      // Once for each time that it falls silent.
      tail.isNews = tail.fault?.message !== error.message;
      tail.fault = error;
    }
  }

  async #ask(
    tail: Tail | undefined,
    { waitMs, limit, signal }: { waitMs: number; limit: number; signal: AbortSignal },
  ): Promise<LogsAnswer> {
    if (!tail) throw new Error('a node that is not followed is asked');
    const { node, cursor, since } = tail;
    const { kind, filter } = this.#options.question;
    const body = {
      kind,
      filter,
      limit,
      ...(since === undefined ? {} : { since }),
      follow: { waitMs, ...(cursor === undefined ? {} : { cursor }) },
    };
    return askNode(this.#context, node, body, { signal, extraMs: waitMs });
  }

  /** What has come of all nodes since it was last told. */
  #take(limit?: number): ServerEvent[] {
    const events: ServerEvent[] = [];
    const pages: NodeLines[] = [];
    for (const tail of this.#tails) {
      const { page, fault, isNews, node } = tail;
      if (fault && isNews) events.push(problemEvent(fault));
      tail.isNews = false;
      if (!page) continue;
      tail.page = undefined;
      tail.cursor = page.cursor;
      if (page.cursor !== undefined) this.#told.set(node.machine, page.cursor);
      if (page.missed > 0)
        events.push({ event: 'missed', data: { lines: page.missed, machine: node.machine } });
      pages.push({ machine: node.machine, lines: page.lines });
    }
    const entries = mergeLines(pages);
    const shown = limit === undefined ? entries : entries.slice(-limit);
    const last = shown.pop();
    events.push(...shown.map((data) => ({ event: 'request', data })));
    // The cursors stand behind the last line: one that gets it has got the others.
    if (last) events.push({ event: 'request', data: last, id: formatCursors(this.#told) });
    return events;
  }
}
