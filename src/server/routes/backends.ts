import { parseTarget } from '../../spec/target.ts';
import type { BackendAddition, backendRoutes } from '../../api/contract/backends.ts';
import type { BackendResource } from '../../api/load-balancer.ts';
import type { Backend } from '../../spec/backend.ts';
import { DEFAULT_POOL, withPool } from '../../spec/pools-of.ts';
import { relationErrors } from '../../spec/validate.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { type Handlers, authorOf } from '../http/handler.ts';
import { pageAnswer, pageStart } from '../http/paging.ts';
import { etag, requireMatch } from '../http/preconditions.ts';
import { validationError } from '../http/read-request.ts';
import type { WriteRequest, Writer } from '../http/write.ts';
import {
  type Place,
  addBackends,
  backendViews,
  canonicalTarget,
  locateBackends,
  patchBackend,
  putBackend,
  requireBackend,
  requirePool,
} from '../load-balancers/backends.ts';
import { changeLoadBalancer } from '../load-balancers/change.ts';
import { loadBalancerOutcome } from '../load-balancers/outcome.ts';
import { observeOne, requireLoadBalancer } from '../load-balancers/read.ts';
import { backendWhy } from '../status/backends.ts';
import type { Observation } from '../status/observation.ts';

export function backendHandlers(context: ServerContext, write: Writer): Handlers<typeof backendRoutes> {
  const { store, clock } = context;
  const find = (nameOrId: string) =>
    store.transaction(async (tx) => observeOne(tx, await requireLoadBalancer(tx, nameOrId), clock.now()));
  return {
    async listBackends(request) {
      const start = pageStart(request.query, 0);
      const items = backendViews(await find(request.params.loadBalancer), request.query.pool)
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
    async getBackend({ params, query: { pool } }) {
      const observation = await find(params.loadBalancer);
      const { record } = observation;
      const { target } = requireBackend({ record, pool }, canonicalTarget(params.target));
      return {
        status: 200,
        headers: { etag: etag(record.revision) },
        body: viewOf(observation, pool, target),
      };
    },
    async explainBackend({ params, query: { pool } }) {
      const observation = await find(params.loadBalancer);
      const { target } = requireBackend({ record: observation.record, pool }, canonicalTarget(params.target));
      return { status: 200, body: backendWhy(observation, { pool, target }) };
    },
    putBackend: (request) => {
      const target = pathTarget(request.params.target, request.body.target);
      const backend = { ...request.body, target };
      const edit: Edit = (place) => putBackend(place, backend);
      return change(context, write, request, { ...request.params, target, edit, upsert: true });
    },
    updateBackend: (request) => {
      const target = canonicalTarget(request.params.target);
      const edit: Edit = (place) =>
        putBackend(place, patchBackend(requireBackend(place, target), request.body));
      return change(context, write, request, { ...request.params, target, edit, upsert: false });
    },
    removeBackend: (request) => remove(context, write, request, request.params),
  };
}

/** The backends of a pool after a change. */
type Edit = (place: Place) => Backend[];

type PoolWriteRequest = WriteRequest & { query: { pool: string; guard?: number | undefined } };

async function add(
  context: ServerContext,
  write: Writer,
  request: PoolWriteRequest,
  nameOrId: string,
  body: BackendAddition,
) {
  return write(request, async (tx) => {
    const place = await requireForWrite(tx, request, nameOrId);
    const backends = addBackends(place, body);
    const changed = await changeBackends(context, tx, request, { place, backends, sent: body });
    const targets = body.backends.map(({ target }) => target);
    return loadBalancerOutcome(context, tx, changed, {
      dryRun: request.query.dryRun,
      location: locationOf(place, body.single ? targets[0] : undefined),
      view: (observation) =>
        body.single
          ? viewOf(observation, place.pool, targets[0] ?? '')
          : viewsOf(observation, place.pool, targets),
    });
  });
}

/** The path of a backend, or of all those of a pool. */
function locationOf({ record, pool }: Place, target?: string): string {
  const path = `/v1/load-balancers/${record.id}/backends`;
  const query = pool === DEFAULT_POOL ? '' : `?pool=${encodeURIComponent(pool)}`;
  return `${path}${target === undefined ? '' : `/${encodeURIComponent(target)}`}${query}`;
}

async function change(
  context: ServerContext,
  write: Writer,
  request: PoolWriteRequest,
  {
    loadBalancer,
    target,
    edit,
    upsert,
  }: { loadBalancer: string; target: string; edit: Edit; upsert: boolean },
) {
  return write(request, async (tx) => {
    const place = await requireForWrite(tx, request, loadBalancer);
    const isNew = upsert && requirePool(place).backends.every((backend) => backend.target !== target);
    const backends = edit(place);
    const sent = { backends: backends.filter((backend) => backend.target === target), single: true };
    const changed = await changeBackends(context, tx, request, { place, backends, sent });
    return loadBalancerOutcome(context, tx, changed, {
      dryRun: request.query.dryRun,
      ...(isNew ? { location: locationOf(place, target) } : {}),
      view: (observation) => viewOf(observation, place.pool, target),
    });
  });
}

async function remove(
  context: ServerContext,
  write: Writer,
  request: PoolWriteRequest,
  params: { loadBalancer: string; target: string },
) {
  return write(request, async (tx) => {
    const place = await requireForWrite(tx, request, params.loadBalancer);
    const { target } = requireBackend(place, canonicalTarget(params.target));
    const backends = requirePool(place).backends.filter((backend) => backend.target !== target);
    const changed = await changeBackends(context, tx, request, {
      place,
      backends,
      sent: { backends: [], single: true },
    });
    const outcome = await loadBalancerOutcome(context, tx, changed, {
      dryRun: request.query.dryRun,
      // The answer has no body.
      view: () => undefined,
    });
    if (request.query.dryRun) return outcome;
    const { refresh: _refresh, ...rest } = outcome;
    return { ...rest, answer: { status: 204, headers: { etag: etag(changed.record.revision) } } };
  });
}

async function requireForWrite(
  tx: Tx,
  { headers, query: { pool } }: PoolWriteRequest,
  nameOrId: string,
): Promise<Place> {
  const record = await requireLoadBalancer(tx, nameOrId);
  requireMatch(headers, record.revision, record.name);
  const place = { record, pool };
  requirePool(place);
  return place;
}

async function changeBackends(
  context: ServerContext,
  tx: Tx,
  request: PoolWriteRequest,
  { place, backends, sent }: { place: Place; backends: Backend[]; sent: BackendAddition },
) {
  const { record, pool } = place;
  const locate = locateBackends(pool, backends, sent);
  const { name, labels } = record;
  const spec = withPool(record.spec, pool, { backends });
  const errors = relationErrors({ ...spec });
  if (errors.length > 0) throw validationError(errors.map(locate));
  return changeLoadBalancer(
    context,
    tx,
    record,
    { name, labels, spec },
    {
      author: authorOf(request.identity),
      action: 'update',
      guardMs: request.query.guard,
      locate,
    },
  );
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

function viewOf(observation: Observation, pool: string, target: string): BackendResource | undefined {
  return backendViews(observation, pool, new Set([target]))[0];
}

function viewsOf(
  observation: Observation,
  pool: string,
  targets: readonly string[],
): { items: BackendResource[]; nextCursor: null } {
  const wanted = new Set(targets);
  const items = backendViews(observation, pool).filter(({ target }) => wanted.has(target));
  return { items, nextCursor: null };
}
