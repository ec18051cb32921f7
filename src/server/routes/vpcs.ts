import type { vpcRoutes } from '../../api/contract/vpcs.ts';
import { type VpcDefinition, VpcInput } from '../../spec/vpc.ts';
import { parseWith } from '../../spec/validate.ts';
import type { Tx } from '../../store/open.ts';
import { type VpcRecord, listVpcs } from '../../store/vpcs.ts';
import type { ServerContext } from '../context.ts';
import type { Answer, Handlers } from '../http/handler.ts';
import { pageAnswer, selectPage } from '../http/paging.ts';
import { etag, requireMatch } from '../http/preconditions.ts';
import { validationError } from '../http/read-request.ts';
import type { WriteOutcome, WriteRequest, Writer } from '../http/write.ts';
import { mergePatch } from '../merge-patch.ts';
import { type ChangedVpc, changeVpc, createVpc, removeVpc, vpcView } from '../vpcs/change.ts';
import { requireDriverRight } from '../vpcs/driver-rules.ts';
import { requireVpc } from '../vpcs/rules.ts';

type VpcHandlers = Pick<
  Handlers<typeof vpcRoutes>,
  'listVpcs' | 'createVpc' | 'getVpc' | 'replaceVpc' | 'updateVpc' | 'deleteVpc'
>;

export function vpcHandlers(context: ServerContext, write: Writer): VpcHandlers {
  const { store } = context;
  return {
    async listVpcs(request) {
      const views = await store.transaction(async (tx) => {
        const records = await selectPage(request.query, (after, limit) => listVpcs(tx, after, limit));
        return Promise.all(records.map((record) => vpcView(context, tx, record)));
      });
      return pageAnswer(
        request,
        views,
        ({ name }) => name,
        (view) => view,
      );
    },
    createVpc: (request) =>
      write(request, async (tx) => {
        requireDriverRight(request.identity, undefined, request.body);
        const changed = await createVpc(context, tx, request.body);
        const location = `/v1/vpcs/${changed.record.id}`;
        const body = await vpcView(context, tx, changed.record);
        return vpcOutcome(request, changed, { status: 201, headers: { location }, body });
      }),
    async getVpc({ params }) {
      return store.transaction(async (tx) => {
        const record = await requireVpc(tx, params.vpc);
        return {
          status: 200,
          headers: { etag: etag(record.revision) },
          body: await vpcView(context, tx, record),
        };
      });
    },
    replaceVpc: (request) => update(context, write, request, request.params.vpc, () => request.body),
    updateVpc: (request) =>
      update(context, write, request, request.params.vpc, (before) => patchVpc(before, request.body)),
    deleteVpc: (request) =>
      write(request, async (tx) => {
        const before = await requireVpcForWrite(tx, request, request.params.vpc);
        const dryRun = await removeVpc(tx, before);
        if (request.query.dryRun) return { answer: { status: 200, body: dryRun } };
        // Its network goes as well.
        return { answer: { status: 204 }, notify: ['placement'] };
      }),
  };
}

/** The answer to a change of a VPC, and whom it wakes. */
export function vpcOutcome(
  request: WriteRequest,
  { record, machineIds, dryRun }: ChangedVpc,
  answer: Answer,
): WriteOutcome {
  if (request.query.dryRun) return { answer: { status: 200, body: dryRun } };
  return {
    answer: { ...answer, headers: { etag: etag(record.revision), ...answer.headers } },
    // Floating addresses may have come.
    notify: [...machineIds.map((id) => `machine:${id}` as const), 'placement'],
  };
}

export async function requireVpcForWrite(
  tx: Tx,
  { headers }: WriteRequest,
  nameOrId: string,
): Promise<VpcRecord> {
  const before = await requireVpc(tx, nameOrId);
  requireMatch(headers, before.revision, before.name);
  return before;
}

function update(
  context: ServerContext,
  write: Writer,
  request: WriteRequest,
  nameOrId: string,
  edit: (before: VpcRecord) => VpcDefinition,
): Promise<Answer> {
  return write(request, async (tx) => {
    const before = await requireVpcForWrite(tx, request, nameOrId);
    const wanted = edit(before);
    requireDriverRight(request.identity, before, wanted);
    const changed = await changeVpc(context, tx, before, wanted);
    return vpcOutcome(request, changed, { status: 200, body: await vpcView(context, tx, changed.record) });
  });
}

function patchVpc({ name, labels, spec }: VpcRecord, patch: unknown): VpcDefinition {
  const parsed = parseWith(VpcInput, mergePatch({ name, labels, spec }, patch));
  if (parsed.ok) return parsed.value;
  throw validationError(parsed.errors);
}
