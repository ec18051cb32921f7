import { AppError } from '../../base/errors.ts';
import type { AnswerTo, QuestionBody } from '../../api/agent-questions.ts';
import type { ServerContext } from '../context.ts';
import { type AskOptions, type AskedNode, askNode, noAnswer } from './ask-node.ts';

/** Once a node has answered, the others may take so much longer. */
const PATIENCE_MS = 1500;

export interface NodeAnswer<T> {
  node: AskedNode;
  answer: T;
}

/** A node that gave no answer, and why. */
export interface NodeFault {
  node: AskedNode;
  error: AppError;
}

/** What came of asking several nodes. */
export interface NodeAnswers<T> {
  /** In the order of the nodes; at least one. */
  answers: NodeAnswer<T>[];
  faults: NodeFault[];
}

/** Asks several nodes the same; see {@link eachNode}. */
export function askNodes<Q extends QuestionBody>(
  context: ServerContext,
  nodes: readonly AskedNode[],
  body: Q,
  options: AskOptions,
): Promise<NodeAnswers<AnswerTo<Q['kind']>>> {
  return eachNode(
    context,
    nodes,
    (node, signal) => askNode(context, node, body, { ...options, signal }),
    options.signal,
  );
}

/**
 * Asks several nodes at once. One that does not answer costs the others nothing: it is named among the faults, and it is
 * not waited for much longer than for the first that answers. Nodes that have been silent are asked only when all are.
 * @throws the error of the first node when no node answers.
 */
export async function eachNode<T>(
  { clock }: Pick<ServerContext, 'clock'>,
  nodes: readonly AskedNode[],
  ask: (node: AskedNode, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<NodeAnswers<T>> {
  const areAllSilent = !nodes.some(({ isReporting }) => isReporting);
  const late = new AbortController();
  const over = AbortSignal.any([signal, late.signal]);
  let patience: Promise<void> | undefined;
  const outcomes = await Promise.all(
    nodes.map(async (node): Promise<NodeAnswer<T> | NodeFault> => {
      if (!node.isReporting && !areAllSilent) return { node, error: noAnswer(node.machine) };
      try {
        const answer = await ask(node, over);
        patience ??= clock.sleep(PATIENCE_MS, over).then(() => late.abort());
        return { node, answer };
      } catch (error) {
        if (error instanceof AppError) return { node, error };
        throw error;
      }
    }),
  ).finally(() => late.abort());
  await patience;
  const answers = outcomes.filter((outcome) => 'answer' in outcome);
  const faults = outcomes.filter((outcome) => 'error' in outcome);
  if (answers.length === 0 && faults[0]) throw faults[0].error;
  return { answers, faults };
}
