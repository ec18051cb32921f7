import type { DesiredLoadBalancer, LoadBalancerReport } from '../../../src/api/agent.ts';
import type { AnswerBody, QuestionBody } from '../../../src/api/agent-questions.ts';

/** What is said between a test and its far side (`far-side.ts`), and on which ports that listens. */
export type ToFarSide =
  | { kind: 'order'; node: string; order: DesiredLoadBalancer }
  | { kind: 'drop'; node: string }
  | { kind: 'ask'; node: string; body: QuestionBody };
export type FromFarSide =
  | { kind: 'ready' }
  | { kind: 'report'; node: string; report: LoadBalancerReport }
  | { kind: 'answer'; node: string; body: AnswerBody };

export const CONTROL_PORT = 9000;
export const BACKEND_PORTS = [8001, 8002, 8003, 8004];
