import { findLoadBalancer } from '../../store/load-balancers.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import type { Answer } from '../http/handler.ts';
import { etag } from '../http/preconditions.ts';
import type { WriteOutcome } from '../http/write.ts';
import { placed } from '../status/conditions.ts';
import type { Observation } from '../status/observation.ts';
import type { Changed } from './change.ts';
import { loadBalancerView, observeOne } from './read.ts';
import { waitForRevision } from './settle.ts';

export interface OutcomeOptions {
  dryRun: boolean;
  /** Where the new resource is; its presence makes the answer 201. */
  location?: string;
  /** What is answered. Default: the load balancer. */
  view?: (observation: Observation) => unknown;
}

/** The answer to a change of a load balancer, and what must happen once it is committed. */
export async function loadBalancerOutcome(
  context: ServerContext,
  tx: Tx,
  { record, changed, machineIds, dryRun }: Changed,
  options: OutcomeOptions,
): Promise<WriteOutcome> {
  if (options.dryRun) {
    const warnings = placed(await observeOne(tx, record, context.clock.now())).map(({ message }) => message);
    return { answer: { status: 200, body: warnings.length > 0 ? { ...dryRun, warnings } : dryRun } };
  }
  const { location, view = loadBalancerView } = options;
  const answer = async (within: Tx, current: typeof record): Promise<Answer> => ({
    status: changed && location !== undefined ? 201 : 200,
    headers: { etag: etag(current.revision), ...(changed && location !== undefined ? { location } : {}) },
    body: view(await observeOne(within, current, context.clock.now())),
  });
  const first = await answer(tx, record);
  return {
    answer: first,
    notify: [...machineIds.map((id) => `machine:${id}` as const), 'dns'],
    settle: (ms) => waitForRevision(context, record.id, record.revision, ms),
    // Somebody may have changed or deleted it while this request waited: the answer is about this request's revision.
    refresh: async (later) => {
      const current = await findLoadBalancer(later, record.id);
      return current?.revision === record.revision ? answer(later, current) : first;
    },
  };
}
