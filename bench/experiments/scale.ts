import type { LoadBalancer } from '../../src/api/load-balancer.ts';
import { withRuntime } from '../../src/haproxy/runtime/connection.ts';
import type { Product } from '../../test/support/product.ts';
import { now, sleep } from '../support/clock.ts';
import { exchange, writeRequest } from '../support/http1.ts';
import { type ManyOrigin, startManyOrigin } from '../support/many-origin.ts';
import { endpointOf, proxyPidsOf, useProduct } from '../support/managed.ts';
import type { ExperimentOptions } from '../support/options.ts';
import { createScope, type Scope } from '../support/scope.ts';
import { percentile } from '../support/statistics.ts';
import { ms, table, verdict } from '../support/table.ts';
import { cpuMicroseconds, memoryOf } from '../support/usage.ts';
import { TIMING_COLUMNS, type TimedChange, type Timing, timeChange, timingCells } from './scale/timing.ts';
import { connect } from 'node:net';

const COUNTS = [10, 1000, 10_000];
const QUICK_COUNTS = [10, 1000];
const ROUTES = 1000;
const CHANGES = 100;
const RELOADS = 30;
const QUICK_CHANGES = Number(process.env['BENCH_CHANGES'] ?? 5);
/** Only some of it, for who works on one of them: `BENCH_SCALE=10000,routes`. */
const ONLY = process.env['BENCH_SCALE']?.split(',');
const IDLE_SECONDS = 20;
const AIM_MS = 100;
/** Checks cost HAProxy a fifth of a millisecond each, which is not what is measured here. */
const HEALTH_CHECK = { path: '/health', interval: '60s' };
const LOAD_TIMEOUT_MS = 300_000;
/** How often is looked, because looking at so many backends takes the control plane's time. */
const LOOK_MS = { listener: 50, up: 1000 };

interface Subject {
  product: Product;
  origin: ManyOrigin;
  /** How many backends or routes it has. */
  count: number;
  id: string;
  socketPath: string;
  host: string;
  port: number;
}

/** Load balancers with very many backends, and with very many routes. */
export async function scale(
  scope: Scope,
  print: (text: string) => void,
  { isQuick }: ExperimentOptions,
): Promise<void> {
  const origin = await scope.use(startManyOrigin, (started) => started.stop());
  const changes = isQuick ? QUICK_CHANGES : CHANGES;
  const rows: string[][] = [];
  const usage: string[][] = [];
  const effects: number[][] = [];
  for (const count of countsOf(isQuick)) {
    await withProduct(scope, async (product) => {
      const subject = await load(product, origin, count, backendsSpec(origin, count), usage, 'backends');
      const all = await measureAll(subject, changes, backendChanges(subject));
      effects.push(
        [...all.values()].flat().flatMap(({ effect, path }) => (path === 'reload' ? [] : [effect])),
      );
      for (const [kind, timings] of all) rows.push([`${count} backends: ${kind}`, ...timingCells(timings)]);
    });
  }
  if (!ONLY || ONLY.includes('routes'))
    await withProduct(scope, async (product) => {
      const subject = await load(product, origin, ROUTES, routesSpec(origin), usage, 'routes and pools');
      for (const [kind, timings] of await measureAll(subject, changes, routeChanges(subject)))
        rows.push([`${ROUTES} routes: ${kind}`, ...timingCells(timings)]);
    });
  print(`### First load, memory (PSS) and idle CPU over ${IDLE_SECONDS} s\n`);
  print(`${table(USAGE_COLUMNS, usage)}\n`);
  print('### One change\n');
  print(`${table(['', ...TIMING_COLUMNS], rows)}\n`);
  const p99 = effects.map((values) => percentile(values, 0.99));
  const worst = Math.max(...p99);
  print(
    `${verdict(worst < AIM_MS, `a change of one backend has effect within ${AIM_MS} ms, however many there are (p99 ${p99.map(ms).join(', ')} ms)`)}\n`,
  );
}

function countsOf(isQuick: boolean): number[] {
  if (ONLY) return COUNTS.filter((count) => ONLY.includes(String(count)));
  return isQuick ? QUICK_COUNTS : COUNTS;
}

/** Each is measured with a product of its own: what is left of one shall not weigh on the next. */
async function withProduct(scope: Scope, use: (product: Product) => Promise<void>): Promise<void> {
  const own = createScope();
  await scope.use(
    async () => own,
    (inner) => inner.end(),
  );
  // Profiles of control plane and agent, for who looks where the time goes: node --cpu-prof.
  const profile = process.env['BENCH_PROFILE'];
  const env = profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` };
  await use(await useProduct(own, { env }));
  await own.end();
}

function backendsSpec(origin: ManyOrigin, count: number): object {
  const backends = Array.from({ length: count }, (_, index) => ({ target: origin.target(index) }));
  return { type: 'http', algorithm: 'leastconn', backends, healthCheck: HEALTH_CHECK };
}

const hostOf = (index: number) => `site-${index}.bench.test`;
const poolName = (index: number) => `site-${index}`;

function routesSpec(origin: ManyOrigin): object {
  const indexes = Array.from({ length: ROUTES }, (_, index) => index);
  return {
    type: 'http',
    backends: [{ target: origin.target(60_000) }],
    healthCheck: HEALTH_CHECK,
    // The most that there may be.
    pools: Object.fromEntries(
      indexes.map((index) => [
        poolName(index),
        { backends: [{ target: origin.target(index) }], healthCheck: HEALTH_CHECK },
      ]),
    ),
    routes: indexes.map((index) => ({
      name: poolName(index),
      match: { host: hostOf(index) },
      pool: poolName(index),
    })),
  };
}

const USAGE_COLUMNS = [
  '',
  'accepted s',
  'first answer s',
  'all backends up s',
  ...['control plane', 'agent', 'HAProxy master', 'HAProxy worker'].flatMap((name) => [
    `${name} MiB`,
    '% of a core',
  ]),
];

async function load(
  product: Product,
  origin: ManyOrigin,
  count: number,
  spec: object,
  usage: string[][],
  what: string,
): Promise<Subject> {
  const begun = now();
  const seconds = () => ((now() - begun) / 1000).toFixed(1);
  const { body } = await product.client.request<LoadBalancer>({
    method: 'POST',
    path: '/v1/load-balancers',
    body: { name: 'bench', spec },
  });
  const accepted = seconds();
  const look = () => product.loadBalancer('bench');
  const listening = await eventually('a listener', LOOK_MS.listener, async () => {
    const found = await look();
    return found.status.observedRevision > 0 && found;
  });
  const { host, port } = endpointOf(listening);
  await eventually('an answer', LOOK_MS.listener, async () => (await ask({ host, port }, host)) !== '');
  const answered = seconds();
  const loaded = await eventually('all backends to be up', LOOK_MS.up, async () => {
    const found = await look();
    return found.status.backends.every(({ state }) => state === 'up') && found;
  });
  const up = seconds();
  usage.push([`${count} ${what}`, accepted, answered, up, ...(await idleUsage(product, loaded))]);
  const socketPath = `${product.dataDir}/agent/run/${body.id.slice(-13)}.sock`;
  return { product, origin, count, id: body.id, socketPath, host, port };
}

async function eventually<T>(what: string, pauseMs: number, look: () => Promise<T | false>): Promise<T> {
  const deadline = now() + LOAD_TIMEOUT_MS;
  while (now() < deadline) {
    const found = await look().catch(() => false as const);
    if (found !== false) return found;
    await sleep(pauseMs);
  }
  throw new Error(`waited ${LOAD_TIMEOUT_MS / 1000} s in vain for ${what}`);
}

async function idleUsage(product: Product, loadBalancer: LoadBalancer): Promise<string[]> {
  const { server, agent } = await product.pids();
  const { master, worker } = proxyPidsOf(loadBalancer);
  const pids = [server, agent, master, worker];
  await sleep(3000);
  const before = await Promise.all(pids.map(cpuMicroseconds));
  await sleep(IDLE_SECONDS * 1000);
  const after = await Promise.all(pids.map(cpuMicroseconds));
  const memory = await Promise.all(pids.map(memoryOf));
  return pids.flatMap((_, index) => [
    (memory[index]?.pss ?? Number.NaN).toFixed(1),
    (((after[index] ?? 0) - (before[index] ?? 0)) / (IDLE_SECONDS * 10_000)).toFixed(2),
  ]);
}

/** Reloads come last: for seconds after one, the agent is busy with the worker from before it. */
async function measureAll(
  subject: Subject,
  times: number,
  makeRound: (round: number) => TimedChange[],
): Promise<Map<string, Timing[]>> {
  const changes = await measure(subject, times, makeRound);
  const reloads = await measure(subject, Math.min(times, RELOADS), (round) => [reloadChange(subject, round)]);
  return new Map([...changes, ...reloads]);
}

async function measure(
  { product, id }: Subject,
  times: number,
  makeRound: (round: number) => TimedChange[],
): Promise<Map<string, Timing[]>> {
  const all = new Map<string, Timing[]>();
  for (let round = 0; round < times; round++) {
    for (const change of makeRound(round)) {
      const timing = await timeChange(product, id, change);
      all.set(change.kind, [...(all.get(change.kind) ?? []), timing]);
      // Not at a fixed time of any timer in the product.
      await sleep(50 + Math.random() * 200);
    }
  }
  return all;
}

/** What HAProxy says of one server. A new one gets the lowest number that is free. */
async function stateOf({ socketPath }: Subject, pool: string, number: number): Promise<string | undefined> {
  const shown = await withRuntime(socketPath, (runtime) => runtime.send(`show stat ${pool} 4 ${number}`));
  return shown.split('\n')[1]?.split(',')[17];
}

/** Changes of one backend; HAProxy is asked for that one alone, because asking for all takes its time. */
function backendChanges(subject: Subject): (round: number) => TimedChange[] {
  const { id, origin, count, socketPath } = subject;
  const path = `/v1/load-balancers/${id}/backends`;
  const one = (target: string) => `${path}/${encodeURIComponent(target)}`;
  const ask = (command: string) => withRuntime(socketPath, (runtime) => runtime.send(command));
  const fresh = origin.target(count);
  const freshState = () => stateOf(subject, 'default', count + 1);
  return (round) => {
    const target = origin.target(round % count);
    const weight = 2 + (round % 200);
    return [
      {
        kind: 'weight',
        request: { method: 'PATCH', path: one(target), body: { weight } },
        isDone: async () => (await ask(`get weight default/${target}`)).startsWith(`${weight} `),
      },
      {
        kind: 'added',
        request: { method: 'POST', path, body: { target: fresh } },
        isDone: async () => (await freshState()) === 'UP',
      },
      {
        kind: 'removed',
        request: { method: 'DELETE', path: one(fresh) },
        isDone: async () => (await freshState()) !== 'UP',
      },
    ];
  };
}

/** A change that needs a reload: done when another worker answers. */
function reloadChange({ id, socketPath }: Subject, round: number): TimedChange {
  let before: string | undefined;
  return {
    kind: 'a reload',
    request: {
      method: 'PATCH',
      path: `/v1/load-balancers/${id}`,
      body: { spec: { retries: 1 + (round % 2) } },
    },
    async isDone() {
      const info = await withRuntime(socketPath, (runtime) => runtime.send('show info'));
      const pid = /^Pid: (\d+)$/m.exec(info)?.[1];
      before ??= pid;
      return pid !== before;
    },
  };
}

/** Changes of one route, felt by who asks for its host; and of its pool, of which HAProxy is asked. */
function routeChanges(subject: Subject): (round: number) => TimedChange[] {
  const { id, origin } = subject;
  const path = `/v1/load-balancers/${id}`;
  const host = 'new.bench.test';
  const answers = (name: string, target: string) => async () => (await ask(subject, name)) === target;
  const patch = (body: object) => ({ method: 'PATCH' as const, path, body });
  const routes = routesSpec(origin) as { routes: object[] };
  return (round) => [
    {
      kind: 'route added',
      request: patch({
        spec: { routes: [...routes.routes, { name: 'new', match: { host }, pool: poolName(round) }] },
      }),
      isDone: answers(host, origin.target(round)),
    },
    {
      kind: 'route removed',
      request: patch({ spec: { routes: routes.routes } }),
      isDone: answers(host, origin.target(60_000)),
    },
    {
      kind: 'backend of a pool added',
      request: {
        method: 'POST',
        path: `${path}/backends`,
        query: { pool: poolName(round) },
        body: { target: origin.target(30_000 + round) },
      },
      isDone: async () => (await stateOf(subject, poolName(round), 2)) === 'UP',
    },
  ];
}

async function ask(at: { host: string; port: number }, host: string): Promise<string> {
  const socket = connect({ host: at.host, port: at.port, noDelay: true });
  try {
    const { status, body } = await exchange(socket, writeRequest({ host, headers: { Connection: 'close' } }));
    return status === 200 ? body : '';
  } finally {
    socket.destroy();
  }
}
