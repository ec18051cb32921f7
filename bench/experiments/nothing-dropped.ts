import type { LoadBalancer } from '../../src/api/load-balancer.ts';
import type { Product } from '../../test/support/product.ts';
import { type BusyClients, startBusyClients } from '../support/busy/busy.ts';
import type { BusyOptions } from '../support/busy/types.ts';
import { sleep } from '../support/clock.ts';
import type { ExperimentOptions } from '../support/options.ts';
import { useProduct } from '../support/managed.ts';
import type { Scope } from '../support/scope.ts';
import { verdict } from '../support/table.ts';
import { type Made, make, mixed, repeatableRandom } from './nothing-dropped/changes.ts';
import { type Coverage, createCoverage } from './nothing-dropped/coverage.ts';
import { backendCycles } from './nothing-dropped/cycles/backends.ts';
import { poolCycles } from './nothing-dropped/cycles/pools.ts';
import { resourceCycles } from './nothing-dropped/cycles/resource.ts';
import { routeCycles } from './nothing-dropped/cycles/routes.ts';
import { tcpCycles } from './nothing-dropped/cycles/tcp.ts';
import { trafficCycles } from './nothing-dropped/cycles/traffic.ts';
import type { Cycle, Surroundings } from './nothing-dropped/kinds.ts';
import {
  type Run,
  changesTable,
  clientsTable,
  dropped,
  failureLine,
  faultLines,
} from './nothing-dropped/report.ts';
import { type Rival, startCaddyRival, startNginxRival } from './nothing-dropped/rivals.ts';
import { type Backends, busyOptions, createSubjects, startBackends } from './nothing-dropped/surroundings.ts';

const ROUNDS = 3;
const QUICK_RIVAL_RELOADS = 30;
/** Longest pause between reloads of the others, however busy the machine is. */
const MAX_PAUSE_MS = 1000;
/** Time that what a change may have upset gets to show. */
const SETTLE_MS = 2000;
const SHOWN_FAILURES = 40;

/** Changes of every kind under clients of every kind, none of which ever sends anything again. */
export async function nothingDropped(
  scope: Scope,
  print: (text: string) => void,
  { isQuick }: ExperimentOptions,
): Promise<void> {
  const backends = await startBackends(scope);
  const coverage = createCoverage();
  const made: Made[] = [];
  const started = Date.now();
  const run = await changeProduct(scope, backends, { rounds: isQuick ? 1 : ROUNDS, made, coverage });
  const pauseMs = Math.min(MAX_PAUSE_MS, (Date.now() - started) / Math.max(1, run.reloads));
  print(productReport(run, made, coverage));
  const runs = [run];
  for (const start of [startNginxRival, startCaddyRival]) {
    const rival = await start(scope, backends);
    const reloads = isQuick ? Math.min(QUICK_RIVAL_RELOADS, run.reloads) : run.reloads;
    runs.push(await reloadRival(scope, rival, reloads, pauseMs));
  }
  print(rivalsReport(runs));
  if (dropped(run) > 0 || made.some(({ receipt, fault }) => fault ?? receipt?.error)) process.exitCode = 1;
}

interface Plan {
  rounds: number;
  made: Made[];
  coverage: Coverage;
}

async function changeProduct(scope: Scope, backends: Backends, plan: Plan): Promise<Run> {
  const { made, coverage } = plan;
  // Certificates are asked for from nobody.
  const env = {
    AGENTMETAL_ACME_SERVER: 'https://127.0.0.1:9/',
    AGENTMETAL_CHECKS_DIR: backends.checksDirectory,
  };
  const product = await useProduct(scope, { env });
  const surroundings = await createSubjects(product, backends);
  return underLoad(scope, { name: 'AgentMetal', options: busyOptions(surroundings) }, async () => {
    const random = repeatableRandom(plan.rounds);
    for (let round = 0; round < plan.rounds; round++) {
      for (const step of mixed(cyclesOf(surroundings), random)) {
        const change = await make(product, step);
        made.push(change);
        if (process.env['BENCH_TRACE'])
          console.error(
            JSON.stringify({
              ...change,
              diff: undefined,
              receipt: change.receipt?.path,
              error: change.receipt?.error,
              ms: change.liveAt - change.sentAt,
              felt: (change.feltAt ?? NaN) - change.sentAt,
            }),
          );
        coverage.note(change.diff);
        await sleep(20 + random() * 100);
      }
    }
    await requireUntouched(product, surroundings);
    const reloads = made.filter(({ receipt }) => receipt?.path === 'reload').length;
    return { changes: made.length, reloads };
  });
}

function cyclesOf(surroundings: Surroundings): Cycle[] {
  return [
    ...backendCycles(surroundings),
    ...poolCycles(surroundings),
    ...routeCycles(surroundings),
    ...trafficCycles(surroundings),
    ...resourceCycles(surroundings),
    ...tcpCycles(surroundings),
  ];
}

/** All backends are still up: changes that only seem harmless would take some out. */
async function requireUntouched(product: Product, { web, tcp, tls }: Surroundings): Promise<void> {
  for (const { id } of [web, tcp, tls]) {
    const { body } = await product.client.request<LoadBalancer>({
      method: 'GET',
      path: `/v1/load-balancers/${id}`,
    });
    const bad = body.status.backends.filter(({ state }) => state !== 'up');
    if (bad.length > 0) throw new Error(`${body.name} has backends that are not up: ${JSON.stringify(bad)}`);
  }
}

/** Clients of every kind while something is done. */
async function underLoad(
  scope: Scope,
  { name, options }: { name: string; options: BusyOptions },
  action: () => Promise<{ changes: number; reloads: number }>,
): Promise<Run> {
  const clients: BusyClients = await scope.use(
    () => startBusyClients(options),
    (started) => started.stop(),
  );
  const before = await clients.seen();
  const skipped = clients.failures.length;
  const counts = await action();
  await sleep(SETTLE_MS);
  const after = await clients.seen();
  await clients.stop();
  return { name, ...counts, before, after, failures: clients.failures.slice(skipped) };
}

function reloadRival(scope: Scope, rival: Rival, reloads: number, pauseMs: number): Promise<Run> {
  return underLoad(scope, rival, async () => {
    for (let count = 0; count < reloads; count++) {
      await rival.reload();
      await sleep(pauseMs * (0.5 + Math.random()));
    }
    return { changes: reloads, reloads };
  });
}

function productReport(run: Run, made: readonly Made[], coverage: Coverage): string {
  const missing = coverage.missing();
  const covered = coverage.covered().length;
  const shown = run.failures.slice(0, SHOWN_FAILURES).map((failure) => failureLine(failure, made));
  const broken = made.flatMap(({ kind, receipt, fault }) => [
    ...(receipt?.outcome === 'failed' ? [`- ${kind} failed: ${receipt.error?.detail ?? 'no reason'}`] : []),
    ...(fault === undefined ? [] : [`- ${kind} ${fault}`]),
  ]);
  return [
    `### ${run.changes} changes, of them ${run.reloads} by a reload\n`,
    changesTable(made, run.failures),
    `\nFields of the spec that were changed: ${covered} of ${covered + missing.length}${missing.length > 0 ? `; not: ${missing.join(', ')}` : ''}.\n`,
    ...(broken.length > 0 ? ['Changes that did not do what they should:\n', ...broken, ''] : []),
    ...(shown.length > 0 ? ['What was dropped:\n', ...faultLines(run), '', ...shown, ''] : []),
    `${verdict(dropped(run) === 0, `nothing dropped (${dropped(run)} requests failed or streams cut)`)}\n`,
  ].join('\n');
}

function rivalsReport(runs: readonly Run[]): string {
  return [
    '### The same clients on others that reload as often\n',
    clientsTable(runs),
    '',
    ...runs.flatMap(faultLines),
    '',
  ].join('\n');
}
