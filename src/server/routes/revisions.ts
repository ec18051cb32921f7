import type { revisionRoutes } from '../../api/contract/revisions.ts';
import type { Revision } from '../../api/load-balancer.ts';
import { AppError } from '../../base/errors.ts';
import type { Receipt } from '../../spec/plan.ts';
import { formatDuration } from '../../base/duration.ts';
import { type GuardRecord, findGuard, guardsOf } from '../../store/guards.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import type { Tx } from '../../store/open.ts';
import { type RevisionRecord, findRevision, listRevisions, receiptsOf } from '../../store/revisions.ts';
import type { ServerContext } from '../context.ts';
import { type Handlers, authorOf } from '../http/handler.ts';
import { pageAnswer, pageStart } from '../http/paging.ts';
import { requireMatch } from '../http/preconditions.ts';
import type { Writer } from '../http/write.ts';
import { loadBalancerOutcome } from '../load-balancers/outcome.ts';
import { requireLoadBalancer } from '../load-balancers/read.ts';
import { restoreRevision } from '../load-balancers/restore.ts';

const ABOVE_ALL = 2 ** 31 - 1;

export function revisionHandlers(context: ServerContext, write: Writer): Handlers<typeof revisionRoutes> {
  const { store } = context;
  return {
    async listRevisions(request) {
      const { query, params } = request;
      const { revisions, receipts, guards } = await store.transaction(async (tx) => {
        const { id } = await requireLoadBalancer(tx, params.loadBalancer);
        const found = await listRevisions(tx, id, pageStart<number>(query, ABOVE_ALL), query.limit + 1);
        const range = [found.at(-1)?.number ?? 0, found[0]?.number ?? 0] as const;
        return {
          revisions: found,
          receipts: await receiptsOf(tx, id, ...range),
          guards: await guardsOf(tx, id, ...range),
        };
      });
      return pageAnswer(
        request,
        revisions,
        ({ number }) => number,
        (revision) =>
          revisionView(revision, receipts.get(revision.number) ?? [], guards.get(revision.number)),
      );
    },
    async getRevision({ params }) {
      const body = await store.transaction(async (tx) => {
        const { record, revision } = await requireRevision(tx, params);
        const receipts = await receiptsOf(tx, record.id, revision.number, revision.number);
        const guard = await findGuard(tx, record.id, revision.number);
        return revisionView(revision, receipts.get(revision.number) ?? [], guard);
      });
      return { status: 200, body };
    },
    restoreRevision: (request) =>
      write(request, async (tx) => {
        const { record, revision } = await requireRevision(tx, request.params);
        requireMatch(request.headers, record.revision, record.name);
        const author = authorOf(request.identity);
        const origin = { revision, author, guardMs: request.query.guard };
        const changed = await restoreRevision(context, tx, record, origin);
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

function revisionView(
  { loadBalancerId: _id, restoredFrom, reason, ...rest }: RevisionRecord,
  receipts: Receipt[],
  guard: GuardRecord | undefined,
): Revision {
  return {
    ...rest,
    ...(restoredFrom === null ? {} : { restoredFrom }),
    ...(reason === null ? {} : { reason }),
    receipts,
    ...(guard ? { guard: guardView(guard) } : {}),
  };
}

function guardView({
  durationMs,
  state,
  reason,
  restoredBy,
  machines,
}: GuardRecord): NonNullable<Revision['guard']> {
  const duration = formatDuration(durationMs);
  return { duration, state, reason, ...(restoredBy === null ? {} : { restoredBy }), machines };
}
