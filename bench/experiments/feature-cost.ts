import { connect } from 'node:net';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { type Contestant, type Mode, type Result, contest, ratio } from '../support/contest.ts';
import type { ExperimentOptions } from '../support/options.ts';
import { startRendered } from '../support/rendered.ts';
import type { Scope } from '../support/scope.ts';
import { median, sum } from '../support/statistics.ts';
import { ms, table, verdict } from '../support/table.ts';
import { requirePrograms } from '../support/wrk.ts';
import { BUILT_IN, FEATURES, allOff } from './feature-cost/features.ts';
import { startJsonOrigin } from './feature-cost/origin.ts';
import { writeRequests } from './feature-cost/request.ts';
import { bareHaproxy, caddy, handHaproxy, nginx } from './feature-cost/rivals.ts';

const ROUNDS = 7;
const SECONDS = 4;
const CONNECTIONS = 64;
const AIM = 0.8;
const BY_HAND = 'HAProxy by hand, everything typical, repeats requests';
/** What managing may cost, of what the same features cost by hand. */
const OVER_BY_HAND = 0.95;
const FULL = 'managed, everything typical';
const ALL = 'managed, everything in this table';
const AS_IT_COMES = 'managed, as it comes';

/** Only contestants whose names match, for who works on something: `BENCH_ONLY='bare$|everything typical'`. */
const ONLY = new RegExp(process.env['BENCH_ONLY'] ?? '');

/** What each thing that a load balancer does costs, next to a HAProxy that does nothing but balance. */
export async function featureCost(
  scope: Scope,
  print: (text: string) => void,
  { isQuick }: ExperimentOptions,
): Promise<void> {
  await requirePrograms({ wrk: 'wrk', nginx: 'nginx', caddy: 'caddy' });
  const bench = await prepare(scope);
  const size = isQuick ? { rounds: 2, seconds: 1 } : { rounds: ROUNDS, seconds: SECONDS };
  const common = { connections: CONNECTIONS, isConnectionPerRequest: false, ...size };
  print(await compareFeatures(bench, { ...common, title: 'Keep-alive', script: bench.scripts.plain }));
  print(
    await compareGzip(bench, {
      ...common,
      title: 'Keep-alive, clients take gzip',
      script: bench.scripts.gzip,
    }),
  );
  print(
    await compareConnections(bench, {
      ...common,
      title: 'A connection for each request',
      script: bench.scripts.closing,
    }),
  );
}

interface Bench {
  scope: Scope;
  targets: string[];
  scripts: { plain: string; gzip: string; closing: string };
}

async function prepare(scope: Scope): Promise<Bench> {
  const targets = await startJsonOrigin(scope);
  const directory = await scope.use(temporaryDirectory, (created) => created.remove());
  const file = (name: string) => `${directory.path}/${name}.lua`;
  const scripts = { plain: file('plain'), gzip: file('gzip'), closing: file('closing') };
  const target = targets[0] ?? '';
  await writeRequests(scripts.plain, { target, acceptsGzip: false, closes: false });
  await writeRequests(scripts.gzip, { target, acceptsGzip: true, closes: false });
  await writeRequests(scripts.closing, { target, acceptsGzip: false, closes: true });
  return { scope, targets, scripts };
}

function specOf({ targets }: Bench, more: object = {}): object {
  return {
    type: 'http',
    backends: targets.map((target) => ({ target })),
    healthCheck: { path: '/health' },
    ...more,
  };
}

interface ManagedOptions {
  features?: object;
  vary?: (config: string) => string;
  /** Somebody follows the access log. */
  isFollowed?: boolean;
}

async function managed(
  bench: Bench,
  name: string,
  { features, vary, isFollowed = false }: ManagedOptions = {},
): Promise<Contestant> {
  const { url, pids, socketPath } = await bench.scope.use(
    () => startRendered(specOf(bench, features), vary),
    (proxy) => proxy.stop(),
  );
  if (isFollowed)
    await bench.scope.use(
      async () => {
        const socket = connect(socketPath).on('error', () => undefined);
        socket.write('show events access -w\n');
        return socket.resume();
      },
      async (socket) => void socket.destroy(),
    );
  return { name, url, pids };
}

async function compareFeatures(bench: Bench, mode: Mode): Promise<string> {
  const { scope, targets } = bench;
  const contestants = [
    await bareHaproxy(scope, targets),
    await managed(bench, 'managed, all of it left out', { vary: allOff }),
    await managed(bench, AS_IT_COMES),
    await managed(bench, '… and its log followed', { isFollowed: true }),
  ];
  for (const [name, vary] of Object.entries(BUILT_IN))
    contestants.push(await managed(bench, `… without ${name}`, { vary }));
  for (const [name, features] of Object.entries(FEATURES))
    contestants.push(
      await managed(bench, name.startsWith('everything') ? `managed, ${name}` : `… with ${name}`, {
        features,
      }),
    );
  for (const repeats of [false, true]) contestants.push(await handHaproxy(scope, targets, repeats));
  for (const extent of ['bare', 'built in', 'everything typical', 'everything in this table'] as const)
    contestants.push(await nginx(scope, targets, extent), await caddy(scope, targets, extent));
  const results = await contest(
    contestants.filter(({ name }) => ONLY.test(name)),
    mode,
  );
  return report(mode, results, [
    atLeast(results, FULL, 'HAProxy, bare', AIM),
    atLeast(results, FULL, BY_HAND, OVER_BY_HAND),
    atLeast(results, FULL, 'nginx, everything typical', 1),
    atLeast(results, FULL, 'Caddy, everything typical', 1),
    atLeast(results, ALL, 'nginx, everything in this table', 1),
  ]);
}

/** Answers that are compressed for those who take it. */
async function compareGzip(bench: Bench, mode: Mode): Promise<string> {
  const { scope, targets } = bench;
  const contestants = [
    await bareHaproxy(scope, targets),
    await managed(bench, AS_IT_COMES),
    await managed(bench, '… with compression', { features: FEATURES['compression'] ?? {} }),
    await managed(bench, ALL, { features: FEATURES['everything in this table'] ?? {} }),
    await nginx(scope, targets, 'everything in this table'),
    await caddy(scope, targets, 'everything in this table'),
  ];
  const results = await contest(
    contestants.filter(({ name }) => ONLY.test(name)),
    mode,
  );
  return report(mode, results, [
    atLeast(results, ALL, 'nginx, everything in this table', 1),
    atLeast(results, ALL, 'Caddy, everything in this table', 1),
  ]);
}

/** `http-reuse` decides whether a client's first request may go over a connection to the backend that is open. */
async function compareConnections(bench: Bench, mode: Mode): Promise<string> {
  const { scope, targets } = bench;
  const safe = (config: string) => config.replaceAll(/^ {2}http-reuse always$/gm, '  http-reuse safe');
  const full = FEATURES['everything typical'] ?? {};
  const contestants = [
    await bareHaproxy(scope, targets),
    await bareHaproxy(scope, targets, ['http-reuse always']),
    await managed(bench, AS_IT_COMES),
    await managed(bench, '… with http-reuse safe', { vary: safe }),
    await managed(bench, FULL, { features: full }),
    await nginx(scope, targets, 'bare'),
    await nginx(scope, targets, 'built in'),
    await nginx(scope, targets, 'everything typical'),
    await caddy(scope, targets, 'bare'),
    await caddy(scope, targets, 'everything typical'),
  ];
  const results = await contest(
    contestants.filter(({ name }) => ONLY.test(name)),
    mode,
  );
  return report(mode, results, [
    atLeast(results, FULL, 'nginx, everything typical', 1),
    atLeast(results, AS_IT_COMES, 'nginx, built in', 1),
  ]);
}

function atLeast(results: readonly Result[], name: string, other: string, aim: number): string {
  const find = (wanted: string) => results.find((result) => result.name === wanted);
  const [mine, theirs] = [find(name), find(other)];
  if (!mine || !theirs) return '';
  const value = ratio(mine, theirs, ({ perSecond }) => perSecond);
  const cpu = ratio(mine, theirs, (round) => round.cpu);
  return verdict(
    value >= aim,
    `${name} ≥ ${aim} of ${other} (${value.toFixed(2)}, with ${cpu.toFixed(2)} of its CPU)`,
  );
}

function report(mode: Mode, results: readonly Result[], verdicts: readonly string[]): string {
  const [bare] = results;
  const rows = results.map((result) => {
    const of = (read: (round: Result['rounds'][number]) => number) => median(result.rounds.map(read));
    const to = (read: (round: Result['rounds'][number]) => number) =>
      bare ? ratio(result, bare, read).toFixed(2) : '';
    return [
      result.name,
      of(({ perSecond }) => perSecond).toFixed(0),
      to(({ perSecond }) => perSecond),
      of(({ cpu }) => cpu).toFixed(1),
      to(({ cpu }) => cpu),
      ms(of(({ p99 }) => p99)),
      String(sum(result.rounds.map(({ failed }) => failed))),
    ];
  });
  return [
    `### ${mode.title} (${mode.connections} connections, ${mode.rounds} rounds of ${mode.seconds} s in turn, medians)\n`,
    table(['', 'requests/s', 'of bare', 'CPU µs/request', 'of bare', 'p99 ms', 'failed'], rows),
    `\n${verdicts.join('\n\n')}\n`,
  ].join('\n');
}
