import type { AnswerTo, QuestionBody, Refusal } from '../../api/agent-questions.ts';
import { AppError } from '../../base/errors.ts';
import type { z } from 'zod';
import { shorten } from '../../spec/field-errors.ts';
import { findMachine } from '../../store/machines.ts';
import { nodesOf } from '../../store/nodes.ts';
import type { ServerContext } from '../context.ts';
import { isConnected } from '../status/nodes.ts';
import { requireLoadBalancer } from '../load-balancers/read.ts';

/** An agent that is there answers in tens of milliseconds. */
const TIMEOUT_MS = 5000;

/** One HAProxy of a load balancer, whose agent can be asked. */
export interface AskedNode {
  loadBalancerId: string;
  loadBalancer: string;
  machineId: string;
  machine: string;
  /** Whether its agent has reported lately. */
  isReporting: boolean;
}

/**
 * All nodes that serve a load balancer, those whose agent reports first.
 * @param machine name or id of the machine, when one node alone is meant.
 */
export async function requireNodes(
  { store, clock }: ServerContext,
  nameOrId: string,
  machine?: string,
): Promise<[AskedNode, ...AskedNode[]]> {
  return store.transaction(async (tx) => {
    const { id, name } = await requireLoadBalancer(tx, nameOrId);
    const found = await Promise.all(
      (await nodesOf(tx, [id])).map(({ machineId }) => findMachine(tx, machineId)),
    );
    const nodes = found
      .filter((one) => one !== undefined)
      .map((one) => ({
        loadBalancerId: id,
        loadBalancer: name,
        machineId: one.id,
        machine: one.name,
        isReporting: isConnected(one, clock.now()),
      }))
      .toSorted((one, other) => Number(other.isReporting) - Number(one.isReporting));
    const [first, ...others] = machine === undefined ? nodes : [requireNamed(nodes, name, machine)];
    if (!first)
      throw new AppError('agent_unavailable', `no machine serves ${name}`, {
        hint: 'List the machines: agentmetal machine list',
      });
    return [first, ...others];
  });
}

/** The node on a machine, or the error that says which nodes there are. */
export function requireNamed<T extends { machine: string; machineId: string }>(
  nodes: readonly T[],
  loadBalancer: string,
  machine: string,
): T {
  const node = nodes.find((each) => each.machine === machine || each.machineId === machine);
  if (node) return node;
  const names = nodes.map((each) => each.machine).sort();
  throw new AppError('not_found', `${loadBalancer} has no node ${shorten(machine)}`, {
    hint:
      names.length > 0
        ? `Its nodes are: ${names.join(', ')}.`
        : 'No machine serves it. List the machines: agentmetal machine list',
  });
}

export interface AskOptions {
  signal: AbortSignal;
  /** What the agent may take beyond the time of an answer, e.g. to wait for a line. Default: 0. */
  extraMs?: number;
}

/** Asks a node's agent, or throws the error that says why there is no answer. */
export async function askNode<Q extends QuestionBody>(
  { questions, closing }: ServerContext,
  { loadBalancerId, loadBalancer, machineId, machine }: AskedNode,
  body: Q,
  { signal, extraMs = 0 }: AskOptions,
): Promise<AnswerTo<Q['kind']>> {
  const answer = await questions.ask(machineId, {
    loadBalancerId,
    body,
    timeoutMs: TIMEOUT_MS + extraMs,
    signal: AbortSignal.any([signal, closing]),
  });
  if (!answer) throw noAnswer(machine);
  if (answer.kind === 'refused') throw refused(answer, machine, loadBalancer);
  // The questions are answered in kind, which was looked at when the answer came.
  return answer as AnswerTo<Q['kind']>;
}

/** An agent that did not answer, or is known not to. */
export function noAnswer(machine: string): AppError {
  return new AppError('agent_unavailable', `the agent of machine ${machine} does not answer`, {
    hint: `See when it last reported: agentmetal machine show ${machine}. Load balancers go on serving without it.`,
  });
}

function refused(
  { reason, detail }: z.infer<typeof Refusal>,
  machine: string,
  loadBalancer: string,
): AppError {
  const hint =
    reason === 'unknown' || reason === 'not-serving'
      ? `See what keeps it from serving: agentmetal lb show ${loadBalancer}`
      : 'Try again; the log of the agent has more.';
  return new AppError('agent_unavailable', `the agent of machine ${machine} cannot tell: ${detail}`, {
    hint,
  });
}
