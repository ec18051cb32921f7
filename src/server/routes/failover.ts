import type { failoverRoutes } from '../../api/contract/failover.ts';
import { AppError } from '../../base/errors.ts';
import type { ServerContext } from '../context.ts';
import type { Handlers } from '../http/handler.ts';
import { findLoadBalancer } from '../../store/load-balancers.ts';
import { nodesOf } from '../../store/nodes.ts';
import { type AskedNode, askNode, requireNamed, requireNodes } from '../questions/ask-node.ts';
import { askNodes } from '../questions/each-node.ts';

export function failoverHandlers(context: ServerContext): Handlers<typeof failoverRoutes> {
  return {
    async failOver({ params, query, signal }) {
      const [first, ...others] = await requireNodes(context, params.loadBalancer);
      if (others.length === 0)
        throw new AppError('nobody_to_take_over', `${first.loadBalancer} has one node`, {
          hint: `Give it a second one: agentmetal lb update ${first.loadBalancer} --nodes 2. Its VPC needs a free machine for each: agentmetal machine add ADDRESS --vpc ${await vpcOf(context, first)}`,
        });
      const nodes = [first, ...others];
      const named =
        query.node === undefined ? undefined : requireNamed(nodes, first.loadBalancer, query.node);
      if (!query.back) await requireStandby(context, first, named);
      // Connections from before are handed to the node that has them. One that does not answer moves nothing.
      await askNodes(context, nodes, { kind: 'expect' }, { signal }).catch(orUnanswered);
      // Each is asked, and the one that has the addresses does it: who that is can change at any moment.
      const question = { kind: 'failover', ...(query.back ? { back: true } : {}) } as const;
      const asked = (named ? [named] : nodes).map((node) => askNode(context, node, question, { signal }));
      const { node } = await Promise.any(asked).catch((error: AggregateError) => {
        throw error.errors[0];
      });
      return { status: 200, body: { from: node } };
    },
  };
}

async function vpcOf({ store }: ServerContext, { loadBalancerId }: AskedNode): Promise<string> {
  return (await store.transaction((tx) => findLoadBalancer(tx, loadBalancerId)))?.spec.vpc ?? 'NAME';
}

function orUnanswered(error: unknown): void {
  if (!(error instanceof AppError)) throw error;
}

/** Nobody gives the address away when every other node has said that it cannot take it, or when it is not clear who should. */
async function requireStandby(
  { store }: ServerContext,
  { loadBalancer, loadBalancerId }: AskedNode,
  named: AskedNode | undefined,
): Promise<void> {
  const nodes = await store.transaction((tx) => nodesOf(tx, [loadBalancerId]));
  const active = nodes.filter(({ role }) => role?.role === 'active');
  if (!named && active.length > 1)
    throw new AppError('invalid_request', `${active.length} nodes of ${loadBalancer} have its addresses`, {
      hint: `Name the one that gives them up: agentmetal lb failover ${loadBalancer} --node MACHINE`,
    });
  const others = named
    ? nodes.filter(({ machineId }) => machineId !== named.machineId)
    : nodes.filter((node) => !active.includes(node));
  const reasons = others.flatMap(({ role }) =>
    role?.role === 'fault' ? [role.reason ?? 'no reason told'] : [],
  );
  if (others.length === 0 || reasons.length < others.length) return;
  throw new AppError(
    'nobody_to_take_over',
    `no other node of ${loadBalancer} can take the address: ${[...new Set(reasons)].join('; ')}`,
    { hint: `See how its nodes are: agentmetal lb show ${loadBalancer}` },
  );
}
