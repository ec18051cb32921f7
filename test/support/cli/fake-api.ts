import { createServer, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { LoadBalancer, Revision } from '../../../src/api/load-balancer.ts';
import { AppError } from '../../../src/base/errors.ts';
import { patchDefinition } from '../../../src/server/load-balancers/patch.ts';
import { diffValues } from '../../../src/spec/diff.ts';
import type { Backend } from '../../../src/spec/backend.ts';
import { allBackends, poolOf, withPool } from '../../../src/spec/pools-of.ts';
import type { Receipt } from '../../../src/spec/plan.ts';
import { validateLoadBalancer } from '../../../src/spec/validate.ts';
import { runCli } from './run-cli.ts';

interface Recorded {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: IncomingMessage['headers'];
  body: unknown;
}

/** How the nodes of the fake behave. */
interface FakeNodes {
  outcome: Receipt['outcome'];
  /** State of a backend once the revision is live. */
  backendState: (target: string) => 'up' | 'down' | 'unresolved' | 'checking';
  /** Looks at the load balancer until the revision is live. */
  looksUntilLive: number;
  /** PATCHes that somebody else overtakes. */
  overtaken: number;
  /** What is open on a backend, at each look one after another; the last stays. */
  sessions: number[] | undefined;
}

export interface FakeApi {
  url: string;
  env: Record<string, string>;
  requests: Recorded[];
  nodes: FakeNodes;
  /** How often somebody has looked at a load balancer; each look is a report of its own. */
  looks: number;
  loadBalancers: Map<string, LoadBalancer>;
  /** Requests that change something. */
  writes(): Recorded[];
  /** Answers of other paths, by `METHOD path`. */
  answers: Map<string, { status?: number; body?: unknown; text?: string }>;
}

const TIME = '2026-11-23T04:00:00.000Z';
export const FAKE_KEY = 'am_test_0123456789abcdef';

/** A small control plane over HTTP that keeps load balancers in memory and knows no nodes. */
export async function startFakeApi(): Promise<FakeApi> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const api: FakeApi = {
    url,
    env: { AGENTMETAL_URL: url, AGENTMETAL_API_KEY: FAKE_KEY },
    requests: [],
    nodes: {
      outcome: 'applied',
      backendState: () => 'up',
      looksUntilLive: 1,
      overtaken: 0,
      sessions: undefined,
    },
    looks: 0,
    loadBalancers: new Map(),
    writes: () => api.requests.filter(({ method }) => method !== 'GET'),
    answers: new Map(),
  };
  const looks = new Map<string, number>();
  server.on('request', (request, response) => {
    void answer(api, request, looks).then(({ status, body, text }) => {
      const type = text === undefined ? 'application/json' : 'text/plain';
      response.writeHead(status, { 'content-type': type });
      response.end(status === 204 ? undefined : (text ?? JSON.stringify(body)));
    });
  });
  return api;
}

/** The same with a load balancer `web-lb` and one backend, and no requests on record. */
export async function startWithWebLb(): Promise<FakeApi> {
  const api = await startFakeApi();
  await runCli('lb create --name web-lb --type http --target web-1:8080 -q', { env: api.env });
  api.requests.length = 0;
  return api;
}

interface Answer {
  status: number;
  body?: unknown;
  text?: string;
}

async function answer(api: FakeApi, request: IncomingMessage, looks: Map<string, number>): Promise<Answer> {
  const url = new URL(request.url ?? '/', api.url);
  const hasBody = request.headers['content-length'] !== undefined;
  const recorded: Recorded = {
    method: request.method ?? '',
    path: decodeURIComponent(url.pathname),
    query: Object.fromEntries(url.searchParams),
    headers: request.headers,
    body: hasBody ? await json(request) : undefined,
  };
  api.requests.push(recorded);
  const fixed = api.answers.get(`${recorded.method} ${recorded.path}`);
  if (fixed) return { status: 200, ...fixed };
  try {
    return route(api, recorded, looks);
  } catch (error) {
    if (!(error instanceof AppError))
      return { status: 500, body: { code: 'internal', detail: String(error), requestId: 'req_fake' } };
    const { code, status, hint, errors, message: detail } = error;
    return {
      status,
      body: { type: '', title: '', code, status, detail, hint, errors, requestId: 'req_fake' },
    };
  }
}

function route(api: FakeApi, request: Recorded, looks: Map<string, number>): Answer {
  const [, name, sub, item] =
    /^\/v1\/load-balancers(?:\/([^/]+))?(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(request.path) ?? [];
  if (request.headers.authorization !== `Bearer ${FAKE_KEY}`)
    throw new AppError('unauthenticated', 'the API key is not known');
  if (name === undefined) {
    if (request.method === 'POST') return write(api, request, undefined, request.body);
    return { status: 200, body: { items: [...api.loadBalancers.values()], nextCursor: null } };
  }
  const lb = [...api.loadBalancers.values()].find((each) => each.name === name || each.id === name);
  if (!lb)
    throw new AppError('not_found', `there is no load balancer ${name}`, { hint: 'agentmetal lb list' });
  if (sub === 'revisions') return { status: 200, body: revisionOf(api, lb, Number(item)) };
  if (sub === 'events') return { status: 200, body: { items: [], nextCursor: null } };
  if (sub === 'certificates' && request.method === 'GET')
    return { status: 200, body: { items: [], nextCursor: null, agreements: [] } };
  if (sub === 'backends') return write(api, request, lb, changedBackends(lb, request, item));
  if (request.method === 'GET') return { status: 200, body: observe(api, lb, looks) };
  if (request.method === 'DELETE') return remove(api, request, lb);
  const match = request.headers['if-match'];
  if (match !== undefined && api.nodes.overtaken > 0) {
    api.nodes.overtaken -= 1;
    lb.revision += 1;
  }
  if (match !== undefined && match !== `"${lb.revision}"`)
    throw new AppError('revision_mismatch', 'it has changed');
  return write(api, request, lb, request.method === 'PUT' ? request.body : patchDefinition(lb, request.body));
}

function remove(api: FakeApi, { query }: Recorded, lb: LoadBalancer): Answer {
  const plan = { path: 'stop', steps: [{ action: 'stop', how: 'stop', detail: 'stops HAProxy' }] };
  if (query['dryRun'])
    return { status: 200, body: { dryRun: true, revision: lb.revision, spec: null, diff: [], plan } };
  api.loadBalancers.delete(lb.name);
  return { status: 204 };
}

function write(api: FakeApi, { query }: Recorded, before: LoadBalancer | undefined, body: unknown): Answer {
  const read = validateLoadBalancer(body);
  if (!read.ok)
    throw new AppError('validation_failed', 'the load balancer has invalid fields', { errors: read.errors });
  const { name, labels, spec } = read.value;
  if (!before && api.loadBalancers.has(name))
    throw new AppError('name_taken', `there is a load balancer ${name} already`);
  const diff = diffValues(before ? { labels: before.labels, spec: before.spec } : {}, { labels, spec });
  const revision = (before?.revision ?? 0) + (diff.length > 0 ? 1 : 0);
  const plan = {
    path: 'runtime',
    steps: [{ action: 'add-backend', how: 'runtime', target: 'x', detail: 'adds what is new' }],
  };
  if (query['dryRun']) return { status: 200, body: { dryRun: true, revision, spec, diff, plan } };
  const id = before?.id ?? `lb_${name}`;
  const status: LoadBalancer['status'] = before?.status ?? {
    state: 'pending',
    observedRevision: 0,
    addresses: ['127.80.0.1'],
    nodes: [],
    backends: [],
    certificates: [],
    dns: [],
    conditions: [],
  };
  const lb: LoadBalancer = { id, name, labels, spec, revision, status, createdAt: TIME, updatedAt: TIME };
  if (before) api.loadBalancers.delete(before.name);
  api.loadBalancers.set(name, lb);
  return { status: before ? 200 : 201, body: lb };
}

/** Each look brings the nodes further. */
function observe(api: FakeApi, lb: LoadBalancer, looks: Map<string, number>): LoadBalancer {
  const key = `${lb.id} ${lb.revision}`;
  const count = (looks.get(key) ?? 0) + 1;
  looks.set(key, count);
  if (count < api.nodes.looksUntilLive || api.nodes.outcome === 'failed') return structuredClone(lb);
  const { sessions: open } = api.nodes;
  const sessions = open && open.length > 1 ? open.shift() : open?.[0];
  const backends = allBackends(lb.spec).map(({ pool, backend: { target } }) => {
    const state = api.nodes.backendState(target);
    const reason = state === 'up' ? 'the check passes' : 'connection refused';
    const seen = { target, pool, state, reason, since: TIME, machine: 'local' };
    return sessions === undefined ? seen : { ...seen, sessions };
  });
  const bad = backends.some(({ state }) => state !== 'up');
  lb.status = {
    ...lb.status,
    state: bad ? 'degraded' : 'active',
    observedRevision: lb.revision,
    nodes: [
      {
        machine: 'local',
        address: '127.80.0.1',
        listeners: ['127.80.0.1:80'],
        observedRevision: lb.revision,
        state: 'active',
        connected: true,
        lastReportAt: new Date(Date.parse(TIME) + (api.looks += 1) * 1000).toISOString(),
      },
    ],
    backends,
  };
  return structuredClone(lb);
}

function revisionOf(
  { nodes }: FakeApi,
  { name, labels, spec, status }: LoadBalancer,
  number: number,
): Revision {
  const failed = nodes.outcome === 'failed';
  const receipt: Receipt = {
    revision: number,
    machine: 'local',
    outcome: nodes.outcome,
    path: 'runtime',
    startedAt: TIME,
    durationMs: 12.4,
    steps: [],
    verified: ['the servers are the wanted ones'],
    connectionsCut: 0,
    restored: failed,
    ...(failed
      ? { error: { code: 'port_in_use', detail: 'port 80 is taken by nginx', hint: 'Stop nginx' } }
      : {}),
  };
  const live = failed || status.observedRevision >= number;
  return {
    number,
    action: 'update',
    author: 'admin',
    createdAt: TIME,
    name,
    labels,
    spec,
    diff: [],
    plan: { path: 'runtime', steps: [] },
    receipts: live ? [receipt] : [],
  };
}

function changedBackends(
  lb: LoadBalancer,
  { method, body, query }: Recorded,
  item: string | undefined,
): unknown {
  const { name, labels, spec } = lb;
  const pool = query['pool'] ?? 'default';
  const present = poolOf(spec, pool)?.backends ?? [];
  const others = present.filter(({ target }) => target !== item);
  const before = present.find(({ target }) => target === item);
  const backends =
    method === 'POST'
      ? [...present, ...(body as object[])]
      : method === 'DELETE'
        ? others
        : [...others, merge(before, body)];
  return { name, labels, spec: withPool(spec, pool, { backends: backends as Backend[] }) };
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = { ...(target as object) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}
