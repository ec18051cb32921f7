import type { AnswerBody, QuestionBody } from '../api/agent-questions.ts';
import { reachPort } from '../host/reach.ts';

const TIMEOUT_MS = 2000;

/** Looks for the control plane whether another machine, of which nothing is heard, serves as seen from here. */
export async function lookAtNode({
  address,
  ports,
}: Extract<QuestionBody, { kind: 'reach' }>): Promise<AnswerBody> {
  const port = await reachPort(address, ports, { timeoutMs: TIMEOUT_MS });
  return { kind: 'reach', port: port ?? null };
}
