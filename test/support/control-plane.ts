import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type {
  AgentReport,
  DesiredLoadBalancer,
  DesiredState,
  LoadBalancerReport,
} from '../../src/api/agent.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import type { Receipt } from '../../src/spec/plan.ts';
import { bootstrap } from '../../src/server/bootstrap.ts';
import { type Server, type ServerOptions, createServer } from '../../src/server/create-server.ts';
import { createSealer } from '../../src/server/sealing.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryDirectory } from './temporary.ts';

export interface CallOptions {
  key?: string | null;
  body?: unknown;
  /** Sent as it is, instead of `body`. */
  raw?: string | Buffer;
  headers?: Record<string, string>;
}

export interface CallResult {
  status: number;
  headers: Record<string, string | undefined>;
  // Tests read answers of every shape, wrong ones too; what they expect of them is the check.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
  text: string;
}

/** A control plane on a real store in a folder of its own, without HAProxy; tests play the agent over the API. */
export interface ControlPlane {
  server: Server;
  app: FastifyInstance;
  dataDir: string;
  key: string;
  agentToken: string;
  call(method: string, path: string, options?: CallOptions): Promise<CallResult>;
  agent: PlayedAgent;
  /** Closes it and opens it again on the same folder. */
  restart(): Promise<ControlPlane>;
  stop(): Promise<void>;
}

/** The played agent does not ask for patches, so it gets whole specs. */
type WholeState = DesiredState & { changed: DesiredLoadBalancer[] };

export interface PlayedAgent {
  desired(since?: number, wait?: number): Promise<WholeState>;
  report(...loadBalancers: LoadBalancerReport[]): Promise<CallResult>;
  /** Sends a report with more than load balancers. */
  tell(report: Partial<AgentReport>): Promise<CallResult>;
  about: typeof ABOUT;
}

type Options = Partial<Omit<ServerOptions, 'store' | 'sealer'>>;

export async function startControlPlane(options: Options = {}): Promise<ControlPlane> {
  const directory = await temporaryDirectory();
  return open(join(directory.path, 'data'), options, directory.remove, 'am_the_first_admin_key_of_this_test');
}

async function open(
  dataDir: string,
  options: Options,
  remove: () => Promise<void>,
  key: string,
): Promise<ControlPlane> {
  const store = await openStore(dataDir);
  const server = await createServer({
    listen: '127.0.0.1:0',
    addressPool: '127.80.0.0/24',
    store,
    sealer: createSealer(dataDir),
    ...options,
  });
  const tokenFile = join(dataDir, 'agent', 'token');
  await bootstrap(server.context, { adminKey: key, localAgentTokenFile: tokenFile }, async () => undefined);
  const agentToken = (await readFile(tokenFile, 'utf8')).trim();
  const { app } = server;
  const close = async () => {
    await server.close();
    await store.close();
  };
  const call = (method: string, path: string, call: CallOptions = {}) =>
    inject(app, method, path, { key, ...call });
  return {
    server,
    app,
    dataDir,
    key,
    agentToken,
    call,
    agent: playAgent(app, agentToken),
    async restart() {
      await close();
      return open(dataDir, options, remove, key);
    },
    async stop() {
      await close();
      await remove();
    },
  };
}

export async function inject(
  app: FastifyInstance,
  method: string,
  path: string,
  options: CallOptions,
): Promise<CallResult> {
  const { key, body, raw, headers = {} } = options;
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await app.inject({
    method: method as 'GET',
    url: path,
    headers: {
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(payload === undefined ? {} : { payload }),
  });
  const isJson = /json/.test(String(response.headers['content-type']));
  return {
    status: response.statusCode,
    headers: response.headers as Record<string, string | undefined>,
    body: isJson && response.body !== '' ? JSON.parse(response.body) : undefined,
    text: response.body,
  };
}

export function playAgent(app: FastifyInstance, token: string): PlayedAgent {
  const tell = (report: Partial<AgentReport>) =>
    inject(app, 'POST', '/v1/agent/report', { key: token, body: { ...ABOUT, loadBalancers: [], ...report } });
  return {
    tell,
    about: ABOUT,
    async desired(since = 0, wait = 0) {
      const path = `/v1/agent/desired?since=${since}&wait=${wait}`;
      return (await inject(app, 'GET', path, { key: token })).body as WholeState;
    },
    report: (...loadBalancers) => tell({ loadBalancers }),
  };
}

const ABOUT: Omit<AgentReport, 'loadBalancers'> = {
  agentVersion: '0.1.0',
  haproxyVersion: '2.6.12',
  layout: { directory: '/tmp/lb', socketDirectory: '/tmp/sock', lowPortOffset: 8000, ipv6: false },
  hostAddresses: ['192.0.2.10'],
};

/** What an agent says of a revision that is live with all its backends up. */
export function liveReport(
  { id, revision, spec }: { id: string; revision: number; spec: { backends: { target: string }[] } },
  {
    state = 'up',
    now = systemClock.now(),
  }: { state?: LoadBalancerReport['backends'][number]['state']; now?: number } = {},
): LoadBalancerReport {
  const since = new Date(now).toISOString();
  const backends = spec.backends.map(({ target }) => ({
    target,
    pool: 'default',
    state,
    reason: `is ${state}`,
    since,
  }));
  return { id, observedRevision: revision, receipt: receiptFor(revision), backends };
}

export function receiptFor(revision: number, outcome: Receipt['outcome'] = 'applied'): Receipt {
  return {
    revision,
    machine: 'local',
    outcome,
    path: 'runtime',
    startedAt: '2026-11-23T04:00:00.000Z',
    durationMs: 12,
    steps: [],
    verified: ['every address answers'],
    connectionsCut: 0,
    ...(outcome === 'failed'
      ? { error: { code: 'config_invalid', detail: 'HAProxy refused the configuration' } }
      : {}),
    restored: outcome === 'failed',
  };
}

/** A clock that stands still until it is moved; sleeps are real, so that nothing waits for a move. */
export function adjustableClock(
  start = Date.parse('2026-11-23T04:00:00Z'),
): Clock & { advance(ms: number): void } {
  let now = start;
  return { now: () => now, sleep: systemClock.sleep, advance: (ms) => void (now += ms) };
}

/** The body on the product page. */
export const PRODUCT_PAGE_BODY = {
  name: 'web-lb',
  spec: {
    type: 'http',
    vpc: 'prod',
    tls: { domain: 'app.example.com', autoRenew: true },
    backends: [
      { target: 'web-1:8080', weight: 50 },
      { target: 'web-2:8080', weight: 50 },
    ],
    healthCheck: { path: '/health', interval: '5s' },
  },
};

/** A VPC `prod` and the product page's load balancer in it. */
export async function createWebLb({ call }: Pick<ControlPlane, 'call'>): Promise<CallResult['body']> {
  await call('POST', '/v1/vpcs', { body: { name: 'prod', spec: { cidrs: ['10.0.0.0/16'] } } });
  return (await call('POST', '/v1/load-balancers', { body: PRODUCT_PAGE_BODY })).body;
}
