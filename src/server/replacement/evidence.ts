import type { reachPort } from '../../host/reach.ts';
import { formatTarget } from '../../spec/target.ts';
import type { ServerContext } from '../context.ts';
import { CONNECTED_MS } from '../status/nodes.ts';
import type { Evidence } from './judge.ts';
import type { WatchedNode } from './view.ts';

/** More would say the same. */
const MOST_WITNESSES = 3;
const LOOK_MS = 2000;
/** A witness looks for as long as the control plane does, and its answer has a way to go. */
const ANSWER_MS = 5000;

export interface Looking {
  questions: ServerContext['questions'];
  /** Ends the look. */
  closing: AbortSignal;
  /** How the control plane itself looks. */
  reach: typeof reachPort;
}

/**
 * Finds out whether a silent machine still serves. The control plane looks itself, and asks machines of the same VPC: what it
 * cannot reach may be reached by those beside it. Whoever is taken in is believed; that nobody is counts only when one of
 * those beside it says so.
 */
export async function lookForLife(
  { questions, closing, reach }: Looking,
  node: WatchedNode,
  all: readonly WatchedNode[],
): Promise<Evidence> {
  const { address, ports } = node;
  if (ports.length === 0) return { kind: 'unseen' };
  const serves = (port: number, seenBy: string): Evidence => ({
    kind: 'serves',
    at: formatTarget({ host: address, port }),
    seenBy,
  });
  const looks = witnessesOf(node, all).map(async ({ id, name }) => {
    const answer = await questions.ask(id, {
      loadBalancerId: '',
      body: { kind: 'reach', address, ports: [...ports] },
      timeoutMs: ANSWER_MS,
      signal: closing,
    });
    return answer?.kind === 'reach' ? { name, port: answer.port } : undefined;
  });
  const own = await reach(address, ports, { timeoutMs: LOOK_MS, signal: closing });
  const seen = (await Promise.all(looks)).filter((look) => look !== undefined);
  if (own !== undefined) return serves(own, 'the control plane');
  for (const { name, port } of seen) if (port !== null) return serves(port, name);
  return seen.length === 0 ? { kind: 'unseen' } : { kind: 'gone', seenBy: seen.map(({ name }) => name) };
}

/** Machines of the VPC that are heard of: those that serve the same load balancer first, for they reach each other. */
function witnessesOf(node: WatchedNode, all: readonly WatchedNode[]): WatchedNode[] {
  const isSibling = (other: WatchedNode) => other.loadBalancer?.id === node.loadBalancer?.id;
  return all
    .filter((other) => other.id !== node.id && other.vpcId === node.vpcId && other.silentMs <= CONNECTED_MS)
    .toSorted((left, right) => Number(isSibling(right)) - Number(isSibling(left)))
    .slice(0, MOST_WITNESSES);
}
