import type { loadBalancerRoutes } from '../../api/contract/load-balancers.ts';
import type { LoadBalancerDefinition } from '../../spec/load-balancer.ts';
import { AppError } from '../../base/errors.ts';
import { record } from '../../spec/rules/raw.ts';
import { listLoadBalancers } from '../../store/load-balancers.ts';
import type { Tx } from '../../store/open.ts';
import { findVpc } from '../../store/vpcs.ts';
import { readKnownCertificates } from '../certificates/known.ts';
import type { ServerContext } from '../context.ts';
import { type Handlers, authorOf } from '../http/handler.ts';
import { pageAnswer, selectPage } from '../http/paging.ts';
import { etag, requireMatch } from '../http/preconditions.ts';
import type { WriteRequest, Writer } from '../http/write.ts';
import { changeLoadBalancer, createLoadBalancer, removeLoadBalancer } from '../load-balancers/change.ts';
import { serviceModel } from '../load-balancers/model.ts';
import { loadBalancerOutcome } from '../load-balancers/outcome.ts';
import { patchDefinition } from '../load-balancers/patch.ts';
import { loadBalancerView, observe, observeOne, requireLoadBalancer } from '../load-balancers/read.ts';
import { waitForVersion } from '../load-balancers/settle.ts';
import { nodeOrder } from '../placement/order.ts';
import { requireNamed } from '../questions/ask-node.ts';
import { loadBalancerStatus } from '../status/status.ts';

export function loadBalancerHandlers(
  context: ServerContext,
  write: Writer,
): Handlers<typeof loadBalancerRoutes> {
  const { store, clock } = context;
  const find = (nameOrId: string) =>
    store.transaction(async (tx) => observeOne(tx, await requireLoadBalancer(tx, nameOrId), clock.now()));
  return {
    async listLoadBalancers(request) {
      const observations = await store.transaction(async (tx) => {
        const records = await selectPage(request.query, (after, limit) =>
          listLoadBalancers(tx, after, limit),
        );
        return observe(tx, records, clock.now());
      });
      return pageAnswer(request, observations, ({ record }) => record.name, loadBalancerView);
    },
    createLoadBalancer: (request) =>
      write(request, async (tx) => {
        const changed = await createLoadBalancer(context, tx, request.body, authorOf(request.identity));
        const location = `/v1/load-balancers/${changed.record.id}`;
        return loadBalancerOutcome(context, tx, changed, { dryRun: request.query.dryRun, location });
      }),
    async getLoadBalancer({ params }) {
      const observation = await find(params.loadBalancer);
      const headers = { etag: etag(observation.record.revision) };
      return { status: 200, headers, body: loadBalancerView(observation) };
    },
    replaceLoadBalancer: (request) =>
      update(context, write, request, {
        nameOrId: request.params.loadBalancer,
        edit: () => request.body,
        namesDomains: true,
      }),
    updateLoadBalancer: (request) =>
      update(context, write, request, {
        nameOrId: request.params.loadBalancer,
        edit: (before) => patchDefinition(before, request.body),
        namesDomains: patchesDomains(request.body.spec),
      }),
    deleteLoadBalancer: (request) =>
      write(request, async (tx) => remove(context, tx, request, request.params.loadBalancer)),
    async getLoadBalancerHealth({ params }) {
      const { state, backends, certificates } = loadBalancerStatus(await find(params.loadBalancer));
      return { status: 200, body: { state, backends, certificates } };
    },
    async getLoadBalancerConfig({ params, query }) {
      const body = await renderedConfig(context, params.loadBalancer, query.node);
      return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
    },
  };
}

interface Update {
  nameOrId: string;
  edit(before: LoadBalancerDefinition): LoadBalancerDefinition;
  /** Whether the request names domains. */
  namesDomains: boolean;
}

/** Whether a merge patch of a spec names domains to have certificates for. */
function patchesDomains(spec: unknown): boolean {
  const { domain, domains } = record(record(spec)['tls']);
  return typeof domain === 'string' || Array.isArray(domains);
}

type GuardedRequest = WriteRequest & { query: { guard?: number | undefined } };

async function update(
  context: ServerContext,
  write: Writer,
  request: GuardedRequest,
  { nameOrId, edit, namesDomains }: Update,
) {
  return write(request, async (tx) => {
    const before = await requireLoadBalancer(tx, nameOrId);
    requireMatch(request.headers, before.revision, before.name);
    const { guard: guardMs } = request.query;
    const author = authorOf(request.identity);
    const origin = { author, action: 'update', guardMs, namesDomains } as const;
    const changed = await changeLoadBalancer(context, tx, before, edit(before), origin);
    return loadBalancerOutcome(context, tx, changed, { dryRun: request.query.dryRun });
  });
}

async function remove(context: ServerContext, tx: Tx, request: WriteRequest, nameOrId: string) {
  const before = await requireLoadBalancer(tx, nameOrId);
  requireMatch(request.headers, before.revision, before.name);
  if (before.spec.deletionProtection) {
    throw new AppError('deletion_protected', `${before.name} is protected from deletion`, {
      hint: `Take the protection off first: agentmetal lb update ${before.name} --no-deletion-protection`,
    });
  }
  const { dryRun, machineIds, version } = await removeLoadBalancer(
    context,
    tx,
    before,
    authorOf(request.identity),
  );
  if (request.query.dryRun) return { answer: { status: 200, body: dryRun } };
  return {
    answer: { status: 204 },
    notify: [...machineIds.map((id) => `machine:${id}` as const), 'dns' as const],
    settle: (ms: number) => waitForVersion(context, { machineIds, version, ms }),
  };
}

/** @param machine of the node that is meant. Default: the first. */
async function renderedConfig(context: ServerContext, nameOrId: string, machine?: string): Promise<string> {
  const model = await context.store.transaction(async (tx) => {
    const record = await requireLoadBalancer(tx, nameOrId);
    const { nodes } = await observeOne(tx, record, context.clock.now());
    const vpc = await findVpc(tx, record.vpcId);
    if (!vpc) throw new Error(`VPC ${record.vpcId} of ${record.id} is missing`);
    const names = nodes.map((each) => ({ each, machineId: each.machine.id, machine: each.machine.name }));
    const node = machine === undefined ? nodes[0] : requireNamed(names, record.name, machine).each;
    const order = node?.host ? await nodeOrder(tx, record, node.machine.id) : undefined;
    const layout = node?.machine.layout ?? null;
    const certificates = await readKnownCertificates(tx, record.id);
    const reported = node?.node.backends ?? [];
    const base = serviceModel(record, { vpc: vpc.spec, layout, reported, certificates });
    return order && order.members.length > 1
      ? { ...base, nodes: { self: order.name, members: order.members } }
      : base;
  });
  return context.render(model);
}
