import type { revisionRoutes } from '../../api/contract/revisions.ts';
import type { Revision } from '../../api/load-balancer.ts';
import { AppError } from '../../base/errors.ts';
import type { Receipt } from '../../spec/plan.ts';
import { validateLoadBalancer } from '../../spec/validate.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import type { Tx } from '../../store/open.ts';
import { type RevisionRecord, findRevision, listRevisions, receiptsOf } from '../../store/revisions.ts';
import type { ServerContext } from '../context.ts';
import { type Handlers, authorOf } from '../http/handler.ts';
import { pageAnswer, pageStart } from '../http/paging.ts';
import { requireMatch } from '../http/preconditions.ts';
import { validationError } from '../http/read-request.ts';
import type { Writer } from '../http/write.ts';
import { changeLoadBalancer } from '../load-balancers/change.ts';
import { loadBalancerOutcome } from '../load-balancers/outcome.ts';
import { requireLoadBalancer } from '../load-balancers/read.ts';

const ABOVE_ALL = 2 ** 31 - 1;

export function revisionHandlers(context: ServerContext, write: Writer): Handlers<typeof revisionRoutes> {
  const { store } = context;
  return {
    async listRevisions(request) {
      const { query, params } = request;
      const { revisions, receipts } = await store.transaction(async (tx) => {
        const { id } = await requireLoadBalancer(tx, params.loadBalancer);
        const found = await listRevisions(tx, id, pageStart<number>(query, ABOVE_ALL), query.limit + 1);
        const range = await receiptsOf(tx, id, found.at(-1)?.number ?? 0, found[0]?.number ?? 0);
        return { revisions: found, receipts: range };
      });
      return pageAnswer(
        request,
        revisions,
        ({ number }) => number,
        (revision) => revisionView(revision, receipts.get(revision.number) ?? []),
      );
    },
    async getRevision({ params }) {
      const body = await store.transaction(async (tx) => {
        const { record, revision } = await requireRevision(tx, params);
        const receipts = await receiptsOf(tx, record.id, revision.number, revision.number);
        return revisionView(revision, receipts.get(revision.number) ?? []);
      });
      return { status: 200, body };
    },
    restoreRevision: (request) =>
      write(request, async (tx) => {
        const { record, revision } = await requireRevision(tx, request.params);
        requireMatch(request.headers, record.revision, record.name);
        const changed = await changeLoadBalancer(context, tx, record, restored(record, revision), {
          author: authorOf(request.identity),
          action: 'restore',
          restoredFrom: revision.number,
        });
        const location = `/v1/load-balancers/${record.id}/revisions/${changed.record.revision}`;
        return loadBalancerOutcome(context, tx, changed, { dryRun: request.query.dryRun, location });
      }),
  };
}

async function requireRevision(
  tx: Tx,
  params: { loadBalancer: string; revision: number },
): Promise<{ record: LoadBalancerRecord; revision: RevisionRecord }> {
  const record = await requireLoadBalancer(tx, params.loadBalancer);
  const revision = await findRevision(tx, record.id, params.revision);
  if (revision) return { record, revision };
  throw new AppError('not_found', `${record.name} has no revision ${params.revision}`, {
    hint: `Its newest is ${record.revision}. List them with \`agentmetal lb revisions ${record.name}\`.`,
  });
}

/** The old spec under the present name and labels; it is read again because the rules may have become stricter. */
function restored({ name, labels }: LoadBalancerRecord, { spec }: RevisionRecord) {
  const validated = validateLoadBalancer({ name, labels, spec });
  if (validated.ok) return validated.value;
  throw validationError(validated.errors);
}

function revisionView(revision: RevisionRecord, receipts: Receipt[]): Revision {
  const { loadBalancerId: _id, restoredFrom, ...rest } = revision;
  return { ...rest, ...(restoredFrom === null ? {} : { restoredFrom }), receipts };
}
