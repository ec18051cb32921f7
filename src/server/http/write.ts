import type { Tx } from '../../store/open.ts';
import type { Topic } from '../changes.ts';
import type { ServerContext } from '../context.ts';
import type { Answer, ApiRequest } from './handler.ts';
import type { Idempotency, IdempotentUse } from './idempotency.ts';
import { preferredWait } from './prefer.ts';

/** What a write did. */
export interface WriteOutcome {
  answer: Answer;
  /** Who must look again. */
  notify?: readonly Topic[];
  /** Waits until the change is live everywhere, up to some milliseconds. */
  settle?: (ms: number) => Promise<void>;
  /** The answer as it is after waiting. */
  refresh?: (tx: Tx) => Promise<Answer>;
}

export type WriteRequest = Pick<
  ApiRequest,
  'headers' | 'identity' | 'method' | 'rawBody' | 'token' | 'url'
> & { query: { dryRun: boolean } };

/** Runs a write as one transaction; with `?dryRun=true` it is run in full and then undone. */
export type Writer = (request: WriteRequest, work: (tx: Tx) => Promise<WriteOutcome>) => Promise<Answer>;

export function createWriter(context: ServerContext, idempotency: Idempotency): Writer {
  return async (request, work) => {
    if (request.query.dryRun) return dryRun(context, work);
    const use = idempotency.begin(request);
    try {
      return await write(context, request, work, use);
    } finally {
      use?.release();
    }
  };
}

async function write(
  context: ServerContext,
  request: WriteRequest,
  work: (tx: Tx) => Promise<WriteOutcome>,
  use: IdempotentUse | undefined,
): Promise<Answer> {
  const outcome = await context.store.transaction(async (tx): Promise<WriteOutcome> => {
    const replayed = await use?.replay(tx);
    if (replayed) return { answer: replayed };
    const result = await work(tx);
    await use?.keep(tx, result.answer);
    return result;
  });
  for (const topic of outcome.notify ?? []) context.changes.notify(topic);
  const seconds = preferredWait(request.headers);
  if (seconds === undefined || !outcome.settle) return outcome.answer;
  await outcome.settle(seconds * 1000);
  return finishWaiting(context, outcome, use, `wait=${seconds}`);
}

async function finishWaiting(
  context: ServerContext,
  { answer, refresh }: WriteOutcome,
  use: IdempotentUse | undefined,
  applied: string,
): Promise<Answer> {
  return context.store.transaction(async (tx) => {
    const fresh = (await refresh?.(tx)) ?? answer;
    const waited = { ...fresh, headers: { ...fresh.headers, 'preference-applied': applied } };
    await use?.keep(tx, waited);
    return waited;
  });
}

/** Carries the answer out of a transaction that must not be committed. */
class DryRunDone extends Error {
  readonly answer: Answer;
  constructor(answer: Answer) {
    super('dry run');
    this.answer = answer;
  }
}

async function dryRun(context: ServerContext, work: (tx: Tx) => Promise<WriteOutcome>): Promise<Answer> {
  try {
    return await context.store.transaction(async (tx) => {
      throw new DryRunDone((await work(tx)).answer);
    });
  } catch (error) {
    if (error instanceof DryRunDone) return error.answer;
    throw error;
  }
}
