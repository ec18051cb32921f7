import { type AnswerBody, type Question, QuestionBody, Questions } from '../api/agent-questions.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Caller } from './contact.ts';
import type { ControlPlane } from './control-plane.ts';

export interface AnswererOptions {
  clock: Clock;
  caller: Caller;
  logger: Logger;
  controlPlane: Pick<ControlPlane, 'questions' | 'answer'>;
  /** Why this control plane is not obeyed and not answered; undefined when it is. */
  fault(): string | undefined;
  /** Finds out what is asked of a load balancer; undefined when it is not on this machine. */
  answer(loadBalancerId: string, question: QuestionBody): Promise<AnswerBody> | undefined;
}

/** Answers what the control plane asks, each question for itself, and asks for the next ones meanwhile. */
export async function answerQuestions(options: AnswererOptions, signal: AbortSignal): Promise<void> {
  const { caller, logger, controlPlane } = options;
  while (!signal.aborted) {
    try {
      const { questions } = Questions.parse(await controlPlane.questions(signal));
      caller.answered();
      for (const question of questions)
        reply(question, options).catch((error: unknown) =>
          logger.debug({ error: messageOf(error) }, 'an answer could not be given'),
        );
    } catch (error) {
      if (signal.aborted) return;
      logger.debug({ error: messageOf(error) }, 'the control plane asks nothing');
      await caller.failed(signal);
    }
  }
}

async function reply(question: Question, options: AnswererOptions): Promise<void> {
  const over = new AbortController();
  const late = options.clock
    .sleep(question.timeoutMs, over.signal)
    .then(() => refusal('timeout', `HAProxy did not tell within ${question.timeoutMs} ms`));
  const body = await Promise.race([find(question, options), late]);
  over.abort();
  await options.controlPlane.answer({ answers: [{ id: question.id, body }] });
}

async function find({ loadBalancerId, body }: Question, options: AnswererOptions): Promise<AnswerBody> {
  const fault = options.fault();
  if (fault !== undefined) return refusal('failed', fault);
  const asked = QuestionBody.safeParse(body);
  if (!asked.success) return refusal('unknown', 'this version of the agent does not know the question');
  try {
    const found = await options.answer(loadBalancerId, asked.data);
    return found ?? refusal('unknown', 'the load balancer is not on it yet');
  } catch (error) {
    return refusal('failed', messageOf(error).slice(0, 2000));
  }
}

export function refusal(
  reason: Extract<AnswerBody, { kind: 'refused' }>['reason'],
  detail: string,
): AnswerBody {
  return { kind: 'refused', reason, detail };
}
