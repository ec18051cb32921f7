import type { AnswerBody, Answers, Question, QuestionBody } from '../../api/agent-questions.ts';
import type { Clock } from '../../base/clock.ts';

/** No agent is asked more than this at once; further questions fail at once. */
const MAX_WAITING = 256;

/** What is asked about one load balancer. */
export interface Asked {
  loadBalancerId: string;
  body: QuestionBody;
  /** How long to wait for the answer. */
  timeoutMs: number;
  /** Ends the wait: nobody wants the answer any more. */
  signal: AbortSignal;
}

/** Questions to agents, in memory: who asks waits, and an agent's long poll takes them to it. */
export interface Questions {
  /** The agent's answer; undefined when none came in time. */
  ask(machineId: string, asked: Asked): Promise<AnswerBody | undefined>;
  /** What the agent has not been given yet; waits for it when there is nothing. */
  take(machineId: string, waitMs: number, signal: AbortSignal): Promise<Question[]>;
  /** Takes answers in. Those to questions that nobody asked that machine, or that are over, are ignored. */
  answer(machineId: string, answers: Answers['answers']): void;
}

interface Waiting {
  question: Question;
  resolve(answer: AnswerBody | undefined): void;
}

/** One agent's questions. */
interface Desk {
  /** Asked and not yet given to the agent. */
  queue: Question[];
  /** Asked and not yet answered, by id. */
  waiting: Map<string, Waiting>;
  /** Wakes the agent's poll. */
  poll: AbortController | undefined;
}

export interface QuestionsOptions {
  clock: Clock;
  newId: (prefix: string) => string;
}

export function createQuestions({ clock, newId }: QuestionsOptions): Questions {
  const desks = new Map<string, Desk>();
  const deskOf = (machineId: string): Desk => {
    const desk = desks.get(machineId) ?? { queue: [], waiting: new Map(), poll: undefined };
    desks.set(machineId, desk);
    return desk;
  };
  return {
    async ask(machineId, { loadBalancerId, body, timeoutMs, signal }) {
      const desk = deskOf(machineId);
      if (desk.waiting.size >= MAX_WAITING) return undefined;
      const question = { id: newId('ask'), loadBalancerId, timeoutMs, body };
      const over = new AbortController();
      const answered = new Promise<AnswerBody | undefined>((resolve) =>
        desk.waiting.set(question.id, { question, resolve }),
      );
      desk.queue.push(question);
      desk.poll?.abort();
      const late = clock.sleep(timeoutMs, AbortSignal.any([over.signal, signal])).then(() => undefined);
      const answer = await Promise.race([answered, late]);
      over.abort();
      desk.waiting.delete(question.id);
      desk.queue = desk.queue.filter(({ id }) => id !== question.id);
      return answer;
    },
    async take(machineId, waitMs, signal) {
      const desk = deskOf(machineId);
      // Of two polls the later one is the agent's: the other is from before it was ended.
      desk.poll?.abort();
      const poll = new AbortController();
      desk.poll = poll;
      if (desk.queue.length === 0 && waitMs > 0)
        await clock.sleep(waitMs, AbortSignal.any([poll.signal, signal]));
      const isLatest = desk.poll === poll;
      if (isLatest) desk.poll = undefined;
      return isLatest && !signal.aborted ? desk.queue.splice(0) : [];
    },
    answer(machineId, answers) {
      const desk = deskOf(machineId);
      for (const { id, body } of answers) {
        const waiting = desk.waiting.get(id);
        if (waiting && isAnswerTo(waiting.question, body)) waiting.resolve(body);
      }
    },
  };
}

function isAnswerTo({ body }: Question, answer: AnswerBody): boolean {
  return answer.kind === 'refused' || answer.kind === (body as QuestionBody).kind;
}
