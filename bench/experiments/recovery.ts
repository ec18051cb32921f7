import { apiPath } from '../../src/api/client.ts';
import { commandLine } from '../../src/host/processes.ts';
import type { Product } from '../../test/support/product.ts';
import { waitFor } from '../../test/support/wait.ts';
import { type Clients, startClients } from '../support/clients.ts';
import { now, sleep } from '../support/clock.ts';
import { startOrigin } from '../support/haproxy.ts';
import { HEALTH_CHECK, createLoadBalancer, endpointOf, proxyPidsOf, useProduct } from '../support/managed.ts';
import type { Scope } from '../support/scope.ts';
import { median, sum } from '../support/statistics.ts';
import { ms, table, verdict } from '../support/table.ts';

const NAME = 'bench';
const RUNS = 10;
const AIM_MS = 1000;
/** Served without a failure for so long, it has recovered. */
const QUIET_MS = 200;

interface Bench {
  product: Product;
  clients: Clients;
  target: string;
}

/** What one kill did. */
interface Outcome {
  failed: number;
  /** Milliseconds from the kill to the first answer after the last failure; 0 when nothing failed. */
  outage: number;
  /** Milliseconds from the kill until a change was made and known to be live. */
  untilChange: number;
}

interface Victim {
  name: string;
  isCarryingTraffic: boolean;
  pid(bench: Bench): Promise<number>;
}

const VICTIMS: Victim[] = [
  { name: 'agent', isCarryingTraffic: false, pid: async ({ product }) => (await product.pids()).agent },
  {
    name: 'control plane',
    isCarryingTraffic: false,
    pid: async ({ product }) => (await product.pids()).server,
  },
  {
    name: 'HAProxy worker',
    isCarryingTraffic: true,
    pid: async ({ product }) => proxyPidsOf(await product.loadBalancer(NAME)).worker,
  },
  {
    name: 'HAProxy master',
    isCarryingTraffic: true,
    pid: async ({ product }) => proxyPidsOf(await product.loadBalancer(NAME)).master,
  },
];

/** Kills each part under load and looks at what clients notice of it. */
export async function recovery(scope: Scope, print: (text: string) => void): Promise<void> {
  const bench = await start(scope);
  const before = await bench.clients.seen();
  const begun = now();
  const outcomes = VICTIMS.map((): Outcome[] => []);
  for (let run = 0; run < RUNS; run++) {
    for (const [index, victim] of VICTIMS.entries()) outcomes[index]?.push(await kill(bench, victim));
    // What ends time after time is started again more and more slowly; this is about single accidents.
    await scope.finish(() => bench.product.restart());
    await untilChangeIsLive(bench);
  }
  const after = await bench.clients.seen();
  print(report(outcomes, (after.ok - before.ok) / ((now() - begun) / 1000)));
}

async function start(scope: Scope): Promise<Bench> {
  const { targets } = await scope.use(
    () => startOrigin(2),
    (origin) => origin.stop(),
  );
  const product = await useProduct(scope);
  const backends = targets.map((target) => ({ target }));
  const { host, port } = endpointOf(
    await createLoadBalancer(product, NAME, { type: 'http', backends, healthCheck: HEALTH_CHECK }),
  );
  const options = { host, port, keepingAlive: 4, perRequest: 2, paceMs: 5 };
  const clients = await scope.use(
    () => startClients(options),
    (started) => started.stop(),
  );
  return { product, clients, target: targets[0] ?? '' };
}

async function kill(bench: Bench, victim: Victim): Promise<Outcome> {
  const pid = await victim.pid(bench);
  const before = await bench.clients.seen();
  const killedAt = now();
  killOwn(pid, bench.product);
  await waitFor(`another ${victim.name}`, async () => {
    const next = await victim.pid(bench).catch(() => 0);
    return next !== 0 && next !== pid;
  });
  await untilChangeIsLive(bench);
  const untilChange = now() - killedAt;
  await untilQuiet(bench.clients);
  const after = await bench.clients.seen();
  const failed = after.failed - before.failed;
  return { failed, outage: failed === 0 ? 0 : (after.servedAgainAt ?? Number.NaN) - killedAt, untilChange };
}

/** Kills a process of this product and no other: what was said to be one may have ended, and its number be another's. */
function killOwn(pid: number, { dataDir }: Product): void {
  if (!commandLine(pid).some((word) => word.startsWith(dataDir)))
    throw new Error(`process ${pid} is not of ${dataDir}`);
  process.kill(pid, 'SIGKILL');
}

let weight = 0;

/** Has a change made, by a control plane and an agent that may still be starting. */
async function untilChangeIsLive({ product, target }: Bench): Promise<void> {
  const path = apiPath`/v1/load-balancers/${NAME}/backends/${target}`;
  weight = (weight % 200) + 1;
  await waitFor('a change to be live', async () => {
    await product.client.request({ method: 'PATCH', path, body: { weight }, headers: { prefer: 'wait=10' } });
    const { revision, status } = await product.loadBalancer(NAME);
    return status.observedRevision === revision;
  });
}

async function untilQuiet(clients: Clients): Promise<void> {
  await waitFor('clients to be served', async () => {
    const { failedAt = 0, servedAgainAt } = await clients.seen();
    return failedAt === 0 || (servedAgainAt !== undefined && now() - failedAt > QUIET_MS);
  });
  await sleep(QUIET_MS);
}

function report(outcomes: readonly Outcome[][], perSecond: number): string {
  const rows = VICTIMS.map(({ name }, index) => {
    const list = outcomes[index] ?? [];
    const cells = [
      (outcome: Outcome) => outcome.failed,
      (outcome: Outcome) => outcome.outage,
      (outcome: Outcome) => outcome.untilChange,
    ];
    return [
      name,
      ...cells.flatMap((read) => [median(list.map(read)).toFixed(0), Math.max(...list.map(read)).toFixed(0)]),
    ];
  });
  const columns = [
    'killed (-9)',
    'failed requests median',
    'worst',
    'ms until served again median',
    'worst',
    'ms until a change is live median',
    'worst',
  ];
  const all = (isCarryingTraffic: boolean) =>
    VICTIMS.flatMap((victim, index) =>
      victim.isCarryingTraffic === isCarryingTraffic ? (outcomes[index] ?? []) : [],
    );
  const harmless = sum(all(false).map((outcome) => outcome.failed));
  const worst = Math.max(...all(true).map((outcome) => outcome.outage));
  return [
    `### Kill -9 under load (${RUNS} runs each, ${perSecond.toFixed(0)} requests/s)\n`,
    table(columns, rows),
    `\n${verdict(harmless === 0, `killing the agent or the control plane costs no request (${harmless} failed)`)}`,
    `\n${verdict(worst < AIM_MS, `HAProxy serves again within ${AIM_MS / 1000} s (worst ${ms(worst)} ms)`)}\n`,
  ].join('\n');
}
