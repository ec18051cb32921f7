import { parseTarget } from '../../spec/target.ts';
import type { BackendAddition, backendRoutes } from '../../api/contract/backends.ts';
import type { BackendResource } from '../../api/load-balancer.ts';
import type { Backend } from '../../spec/backend.ts';
import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { type Handlers, authorOf } from '../http/handler.ts';
import { pageAnswer, pageStart } from '../http/paging.ts';
import { etag, requireMatch } from '../http/preconditions.ts';
import { validationError } from '../http/read-request.ts';
import type { WriteRequest, Writer } from '../http/write.ts';
import {
  addBackends,
  backendViews,
  canonicalTarget,
  locateBackends,
  patchBackend,
  putBackend,
  requireBackend,
} from '../load-balancers/backends.ts';
import { changeLoadBalancer } from '../load-balancers/change.ts';
import { loadBalancerOutcome } from '../load-balancers/outcome.ts';
import { observeOne, requireLoadBalancer } from '../load-balancers/read.ts';
import type { Observation } from '../status/observation.ts';

export function backendHandlers(context: ServerContext, write: Writer): Handlers<typeof backendRoutes> {
  const { store, clock } = context;
  const find = (nameOrId: string) =>
    store.transaction(async (tx) => observeOne(tx, await requireLoadBalancer(tx, nameOrId), clock.now()));
  return {
    async listBackends(request) {
      const start = pageStart(request.query, 0);
      const items = backendViews(await find(request.params.loadBalancer))
        .map((backend, index) => ({ backend, position: index + 1 }))
        .slice(start, start + request.query.limit + 1);
      return pageAnswer(
        request,
        items,
        ({ position }) => position,
        ({ backend }) => backend,
      );
    },
    addBackends: (request) => add(context, write, request, request.params.loadBalancer, request.body),
    async getBackend({ params }) {
      const observation = await find(params.loadBalancer);
      const { target } = requireBackend(observation.record, canonicalTarget(params.target));
      return {
        status: 200,
        headers: { etag: etag(observation.record.revision) },
        body: viewOf(observation, target),
      };
    },
    putBackend: (request) => {
      const target = pathTarget(request.params.target, request.body.target);
      const backend = { ...request.body, target };
      const edit: Edit = (before) => putBackend(before, backend);
      return change(context, write, request, { ...request.params, target, edit, upsert: true });
    },
    updateBackend: (request) => {
      const target = canonicalTarget(request.params.target);
      const edit: Edit = (before) =>
        putBackend(before, patchBackend(requireBackend(before, target), request.body));
      return change(context, write, request, { ...request.params, target, edit, upsert: false });
    },
    removeBackend: (request) => remove(context, write, request, request.params),
  };
}

type Edit = (before: LoadBalancerRecord) => Backend[];

async function add(
  context: ServerContext,
  write: Writer,
  request: WriteRequest,
  nameOrId: string,
  body: BackendAddition,
) {
  return write(request, async (tx) => {
    const before = await requireForWrite(tx, request, nameOrId);
    const backends = addBackends(before, body);
    const changed = await changeBackends(context, tx, request, { before, backends, sent: body });
    const targets = body.backends.map(({ target }) => target);
    const path = `/v1/load-balancers/${before.id}/backends`;
    return loadBalancerOutcome(context, tx, changed, {
      dryRun: request.query.dryRun,
      location: body.single ? `${path}/${encodeURIComponent(targets[0] ?? '')}` : path,
      view: (observation) =>
        body.single ? viewOf(observation, targets[0] ?? '') : viewsOf(observation, targets),
    });
  });
}

async function change(
  context: ServerContext,
  write: Writer,
  request: WriteRequest,
  {
    loadBalancer,
    target,
    edit,
    upsert,
  }: { loadBalancer: string; target: string; edit: Edit; upsert: boolean },
) {
  return write(request, async (tx) => {
    const before = await requireForWrite(tx, request, loadBalancer);
    const isNew = upsert && before.spec.backends.every((backend) => backend.target !== target);
    const backends = edit(before);
    const sent = { backends: backends.filter((backend) => backend.target === target), single: true };
    const changed = await changeBackends(context, tx, request, { before, backends, sent });
    return loadBalancerOutcome(context, tx, changed, {
      dryRun: request.query.dryRun,
      ...(isNew
        ? { location: `/v1/load-balancers/${before.id}/backends/${encodeURIComponent(target)}` }
        : {}),
      view: (observation) => viewOf(observation, target),
    });
  });
}

async function remove(
  context: ServerContext,
  write: Writer,
  request: WriteRequest,
  params: { loadBalancer: string; target: string },
) {
  return write(request, async (tx) => {
    const before = await requireForWrite(tx, request, params.loadBalancer);
    const { target } = requireBackend(before, canonicalTarget(params.target));
    const backends = before.spec.backends.filter((backend) => backend.target !== target);
    const changed = await changeBackends(context, tx, request, {
      before,
      backends,
      sent: { backends: [], single: true },
    });
    const outcome = await loadBalancerOutcome(context, tx, changed, { dryRun: request.query.dryRun });
    if (request.query.dryRun) return outcome;
    const { refresh: _refresh, ...rest } = outcome;
    return { ...rest, answer: { status: 204, headers: { etag: etag(changed.record.revision) } } };
  });
}

async function requireForWrite(
  tx: Tx,
  { headers }: WriteRequest,
  nameOrId: string,
): Promise<LoadBalancerRecord> {
  const before = await requireLoadBalancer(tx, nameOrId);
  requireMatch(headers, before.revision, before.name);
  return before;
}

async function changeBackends(
  context: ServerContext,
  tx: Tx,
  request: WriteRequest,
  { before, backends, sent }: { before: LoadBalancerRecord; backends: Backend[]; sent: BackendAddition },
) {
  const wanted = { ...before, spec: { ...before.spec, backends } };
  const locate = locateBackends(backends, sent);
  return changeLoadBalancer(context, tx, before, wanted, {
    author: authorOf(request.identity),
    action: 'update',
    locate,
  });
}

/** The target of the path, which a target in the body may repeat but not contradict. */
function pathTarget(path: string, body: string | undefined): string {
  const parsed = parseTarget(path);
  if (!parsed) {
    const detail = 'the target in the path must be host:port, 1.2.3.4:port or [v6]:port, URL-encoded';
    throw validationError([{ pointer: '/target', code: 'invalid_value', detail }]);
  }
  const target = canonicalTarget(path);
  if (body === undefined || body === target) return target;
  throw validationError([
    { pointer: '/target', code: 'conflict', detail: `is not the target of the path, ${target}` },
  ]);
}

function viewOf(observation: Observation, target: string): BackendResource | undefined {
  return backendViews(observation).find((backend) => backend.target === target);
}

function viewsOf(
  observation: Observation,
  targets: readonly string[],
): { items: BackendResource[]; nextCursor: null } {
  const wanted = new Set(targets);
  return { items: backendViews(observation).filter(({ target }) => wanted.has(target)), nextCursor: null };
}
