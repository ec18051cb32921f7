import { ApiClient, type ApiRequest, type ApiResponse, apiPath } from '../../src/api/client.ts';
import type { Revision } from '../../src/api/load-balancer.ts';
import type { ApplyPath, Receipt } from '../../src/spec/plan.ts';
import type { Product } from '../../test/support/product.ts';
import { waitFor } from '../../test/support/wait.ts';
import { type Clients, type Seen, startClients } from '../support/clients.ts';
import { now, sleep } from '../support/clock.ts';
import { startOrigin } from '../support/haproxy.ts';
import { HEALTH_CHECK, createLoadBalancer, endpointOf, useProduct } from '../support/managed.ts';
import type { Scope } from '../support/scope.ts';
import { percentile } from '../support/statistics.ts';
import { ms, table, verdict } from '../support/table.ts';

const NAME = 'bench';
/** Backends that are there all the time. */
const STEADY = 2;
const WARM_UP = 5;
const ADDED = 100;
const CHANGES_OF_A_KIND = 25;
const RELOADS_OF_A_KIND = 15;
const AIM_MS = 100;

interface Bench {
  product: Product;
  clients: Clients;
  targets: string[];
}

/** Times of one change, by `now()`. */
interface Change {
  sentAt: number;
  acceptedAt: number;
  answer: ApiResponse<unknown>;
}

interface AddedAndRemoved {
  target: string;
  add: Change;
  remove: Change;
  /** When it first answered a client. */
  firstAt: number;
  receipts: Receipt[];
}

/** How soon a change is felt by clients, and what it costs them. */
export async function changeLatency(scope: Scope, print: (text: string) => void): Promise<void> {
  const bench = await start(scope);
  for (const target of bench.targets.slice(STEADY, STEADY + WARM_UP)) await addAndRemove(bench, target);
  print(await measureBackends(bench));
  print(await measureKinds(bench, 'Changes that need no reload', CHANGES_OF_A_KIND, runtimeKinds(bench)));
  print(await measureKinds(bench, 'Changes that need a reload', RELOADS_OF_A_KIND, RELOAD_KINDS));
}

async function start(scope: Scope): Promise<Bench> {
  const { targets } = await scope.use(
    () => startOrigin(STEADY + WARM_UP + ADDED),
    (origin) => origin.stop(),
  );
  const product = await useProduct(scope);
  const backends = targets.slice(0, STEADY).map((target) => ({ target }));
  const { host, port } = endpointOf(
    await createLoadBalancer(product, NAME, { type: 'http', backends, healthCheck: HEALTH_CHECK }),
  );
  // Enough requests that one of three backends is asked about every millisecond, and cores left for the product.
  const options = { host, port, keepingAlive: 4, perRequest: 2, paceMs: 1 };
  const clients = await scope.use(
    () => startClients(options),
    (started) => started.stop(),
  );
  return { product, clients, targets };
}

async function measureBackends(bench: Bench): Promise<string> {
  const before = await bench.clients.seen();
  const rounds = [];
  for (const target of bench.targets.slice(STEADY + WARM_UP)) rounds.push(await addAndRemove(bench, target));
  const after = await bench.clients.seen();
  const added = rounds.map(({ add, firstAt }) => ({ change: add, at: firstAt }));
  const removed = rounds.map(({ target, remove }) => ({
    change: remove,
    at: after.lastAnswerFrom[target] ?? Number.NaN,
  }));
  const rows = [
    latencyRow(
      'added: accepted → first answer',
      added.map(({ change, at }) => at - change.acceptedAt),
    ),
    latencyRow(
      'added: sent → first answer',
      added.map(({ change, at }) => at - change.sentAt),
    ),
    latencyRow(
      'removed: accepted → last answer',
      removed.map(({ change, at }) => at - change.acceptedAt),
    ),
    latencyRow(
      'removed: sent → last answer',
      removed.map(({ change, at }) => at - change.sentAt),
    ),
  ];
  const all = [...added, ...removed].map(({ change, at }) => at - change.acceptedAt);
  const receipts = rounds.flatMap((round) => round.receipts);
  const failed = after.failed - before.failed;
  const isMet = percentile(all, 0.99) < AIM_MS && failed === 0;
  return [
    `### A backend comes, a backend goes (${all.length} changes)\n`,
    table(
      ['ms', 'p50', 'p99', 'worst'],
      [
        ...rows,
        latencyRow('all: accepted → felt by clients', all),
        latencyRow(
          `receipts (${pathsOf(receipts)})`,
          receipts.map((receipt) => receipt.durationMs),
        ),
      ],
    ),
    `\n${requestsOf(before, after)}\n`,
    `${verdict(isMet, `p99 < ${AIM_MS} ms from acceptance, and no request failed`)}\n`,
  ].join('\n');
}

async function addAndRemove(bench: Bench, target: string): Promise<AddedAndRemoved> {
  const backends = apiPath`/v1/load-balancers/${NAME}/backends`;
  const add = await change(bench, { method: 'POST', path: backends, body: { target } });
  const firstAt = await bench.clients.firstAnswerFrom(target);
  await pause();
  const remove = await change(bench, { method: 'DELETE', path: `${backends}/${encodeURIComponent(target)}` });
  await pause();
  // Asked for when all is over, because asking takes the control plane's time.
  const receipts = [
    await receiptOf(bench.product.client, add.answer),
    await receiptOf(bench.product.client, remove.answer),
  ];
  return { target, add, remove, firstAt, receipts };
}

/** Changes come at no fixed time of any timer in the product. */
function pause(): Promise<void> {
  return sleep(20 + Math.random() * 40);
}

async function change({ product }: Bench, request: ApiRequest): Promise<Change> {
  const sentAt = now();
  const answer = await product.client.request(request);
  return { sentAt, acceptedAt: now(), answer };
}

function receiptOf(client: ApiClient, { headers }: ApiResponse<unknown>): Promise<Receipt> {
  const number = headers.get('etag')?.replaceAll('"', '') ?? '';
  const path = apiPath`/v1/load-balancers/${NAME}/revisions/${number}`;
  return waitFor(
    `the receipt of revision ${number}`,
    async () => (await client.request<Revision>({ method: 'GET', path })).body.receipts[0],
  );
}

interface Kind {
  name: string;
  /** The path that it takes, if all is well. */
  path: ApplyPath;
  /** The change number so and so of this kind: each differs from the one before. */
  request(index: number): ApiRequest;
  /** What the next one needs to find, done without being measured. */
  prepare?: ApiRequest;
}

function runtimeKinds({ targets }: Bench): Kind[] {
  const path = apiPath`/v1/load-balancers/${NAME}/backends/${targets[0] ?? ''}`;
  const patch = (body: unknown): ApiRequest => ({ method: 'PATCH', path, body });
  return [
    { name: 'weight', path: 'runtime', request: (index) => patch({ weight: 100 + index }) },
    { name: 'max-connections', path: 'runtime', request: (index) => patch({ maxConnections: 1000 + index }) },
    {
      name: 'drain',
      path: 'runtime',
      request: () => patch({ drain: true }),
      prepare: patch({ drain: false }),
    },
    {
      name: 'enable',
      path: 'runtime',
      request: () => patch({ drain: false }),
      prepare: patch({ drain: true }),
    },
  ];
}

const RELOAD_KINDS: Kind[] = [
  {
    name: 'algorithm',
    path: 'reload',
    request: (index) => patchSpec({ algorithm: index % 2 === 0 ? 'leastconn' : 'roundrobin' }),
  },
  {
    name: 'health check interval',
    path: 'reload',
    request: (index) => patchSpec({ healthCheck: { interval: index % 2 === 0 ? '6s' : '5s' } }),
  },
];

function patchSpec(spec: unknown): ApiRequest {
  return { method: 'PATCH', path: apiPath`/v1/load-balancers/${NAME}`, body: { spec } };
}

async function measureKinds(
  bench: Bench,
  title: string,
  count: number,
  kinds: readonly Kind[],
): Promise<string> {
  const before = await bench.clients.seen();
  const rows = [];
  for (const kind of kinds) rows.push(await measureKind(bench, count, kind));
  const after = await bench.clients.seen();
  return [
    `### ${title}\n`,
    table(
      [
        '',
        'changes',
        'path',
        'receipt p50 ms',
        'p99',
        'sent → known to be live p50 ms',
        'p99',
        'failed requests',
      ],
      rows,
    ),
    `\n${requestsOf(before, after)}\n`,
  ].join('\n');
}

async function measureKind({ product, clients }: Bench, count: number, kind: Kind): Promise<string[]> {
  const { failed } = await clients.seen();
  const receipts: Receipt[] = [];
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    if (kind.prepare) await product.client.request({ ...kind.prepare, headers: WAIT });
    await pause();
    const sentAt = now();
    const answer = await product.client.request({ ...kind.request(index), headers: WAIT });
    times.push(now() - sentAt);
    receipts.push(await receiptOf(product.client, answer));
  }
  const paths = pathsOf(receipts);
  const durations = receipts.map((receipt) => receipt.durationMs);
  return [
    kind.name,
    String(count),
    paths === kind.path ? paths : `**${paths}**, not ${kind.path}`,
    ...[durations, times].flatMap((values) => [ms(percentile(values, 0.5)), ms(percentile(values, 0.99))]),
    String((await clients.seen()).failed - failed),
  ];
}

const WAIT = { prefer: 'wait=10' };

function pathsOf(receipts: readonly Receipt[]): string {
  const byPath = Map.groupBy(receipts, ({ path, outcome }) => (outcome === 'applied' ? path : outcome));
  return byPath.size === 1
    ? [...byPath.keys()].join('')
    : [...byPath].map(([path, list]) => `${path} ${list.length}`).join(', ');
}

function latencyRow(name: string, values: readonly number[]): string[] {
  return [name, ...[0.5, 0.99, 1].map((share) => ms(percentile(values, share)))];
}

function requestsOf(before: Seen, after: Seen): string {
  const failed = after.failed - before.failed;
  const faults =
    failed === 0
      ? ''
      : ` (${Object.entries(after.faults)
          .map(([fault, count]) => `${fault}: ${count}`)
          .join(', ')})`;
  return `Requests meanwhile: ${after.ok - before.ok} answered, ${failed} failed${faults}.`;
}
