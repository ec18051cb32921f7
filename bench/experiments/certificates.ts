import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { handshake } from '../../test/support/handshake.ts';
import { startNameServer } from '../../test/support/name-server.ts';
import { type Pebble, startPebble } from '../../test/support/pebble.ts';
import type { Product } from '../../test/support/product.ts';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { waitFor } from '../../test/support/wait.ts';
import { now } from '../support/clock.ts';
import { startOrigin } from '../support/haproxy.ts';
import { HEALTH_CHECK, createLoadBalancer, proxyPidsOf, useProduct } from '../support/managed.ts';
import type { ExperimentOptions } from '../support/options.ts';
import type { Scope } from '../support/scope.ts';
import { table, verdict } from '../support/table.ts';
import { cpuMicroseconds, memoryOf } from '../support/usage.ts';

const NAME = 'bench';
const ADDRESS = '127.83.0.1';
const COUNT = 100;
const PATIENCE_MS = 900_000;
const TICKS_PER_SECOND = 100;

interface Bench {
  product: Product;
  pebble: Pebble;
  domains: string[];
}

/** What a hundred certificates on one load balancer take: time, CPU, memory. */
export async function certificates(
  scope: Scope,
  print: (text: string) => void,
  { isQuick }: ExperimentOptions,
): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('this experiment needs root: the CA asks port 80');
  const bench = await prepare(scope, isQuick ? 4 : COUNT);
  const { product, domains } = bench;
  const { worker } = await pidsOf(bench);
  const rows = [['before', '', '', '', ...(await memoryCells(bench))]];
  const stage = async (name: string, command: string, before: readonly (string | undefined)[]) => {
    const [cpu, begun] = [await cpuOf(bench), now()];
    const { code, stderr } = await product.sh(command);
    if (code !== 0) throw new Error(`${command}: ${stderr}`);
    const isDone = (serial: string | undefined, index: number) =>
      serial !== undefined && serial !== before[index];
    await waitFor(name, async () => (await serials(bench)).every(isDone), PATIENCE_MS);
    const seconds = (now() - begun) / 1000;
    const used = (await cpuOf(bench)).map((value, index) => (value - (cpu[index] ?? 0)).toFixed(1));
    rows.push([name, seconds.toFixed(0), ...used, ...(await memoryCells(bench))]);
  };
  const flags = domains.map((domain) => `--domain ${domain}`).join(' ');
  await stage('obtained', `agentmetal lb tls set ${NAME} ${flags}`, []);
  await stage('renewed', `agentmetal lb tls renew ${NAME}`, await serials(bench));
  const columns = ['', 'seconds', 'agent CPU s', 'certbot CPU s', 'agent RSS MiB', 'worker RSS MiB'];
  print(`### ${domains.length} certificates on one load balancer\n\n${table(columns, rows)}\n`);
  const served = await countServed(bench);
  print(
    `${verdict(served === domains.length, `all are served and trusted (${served} of ${domains.length})`)}\n`,
  );
  print(`${verdict((await pidsOf(bench)).worker === worker, 'and no reload')}\n`);
}

async function prepare(scope: Scope, count: number): Promise<Bench> {
  const domains = Array.from({ length: count }, (_, index) => `d${index + 1}.test`);
  const records = domains.map((domain) => `${domain.replace('.test', '')} A ${ADDRESS}`);
  const names = await scope.use(
    () => startNameServer(records),
    (server) => server.stop(),
  );
  const directory = await scope.use(temporaryDirectory, (created) => created.remove());
  const folder = join(directory.path, 'pebble');
  await mkdir(folder);
  const pebble = await scope.use(
    () => startPebble({ directory: folder, nameServer: names.address, httpPort: 80 }),
    (started) => started.stop(),
  );
  const { targets } = await scope.use(
    () => startOrigin(1),
    (origin) => origin.stop(),
  );
  const product = await useProduct(scope, {
    addressPool: '127.83.0.0/24',
    env: {
      AGENTMETAL_ACME_SERVER: pebble.directoryUrl,
      AGENTMETAL_ACME_CA_BUNDLE: pebble.caBundle,
      AGENTMETAL_RESOLVER: names.address,
    },
  });
  await createLoadBalancer(product, NAME, {
    type: 'http',
    backends: targets.map((target) => ({ target })),
    healthCheck: HEALTH_CHECK,
  });
  return { product, pebble, domains };
}

async function pidsOf({ product }: Bench): Promise<{ agent: number; worker: number }> {
  const { agent } = await product.pids();
  return { agent, worker: proxyPidsOf(await product.loadBalancer(NAME)).worker };
}

/** Seconds of CPU of the agent itself, and of the programs that it has run. */
async function cpuOf(bench: Bench): Promise<[number, number]> {
  const { agent } = await pidsOf(bench);
  const stat = await readFile(`/proc/${agent}/stat`, 'utf8');
  // What follows the name in parentheses begins with the third field (proc(5)); children are in the 16th and 17th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const children = Number(fields[13]) + Number(fields[14]);
  return [(await cpuMicroseconds(agent)) / 1e6, children / TICKS_PER_SECOND];
}

async function memoryCells(bench: Bench): Promise<string[]> {
  const { agent, worker } = await pidsOf(bench);
  return [(await memoryOf(agent)).rss.toFixed(0), (await memoryOf(worker)).rss.toFixed(0)];
}

/** The serial of what is served for each domain; undefined where there is none yet. */
async function serials({ product, domains }: Bench): Promise<(string | undefined)[]> {
  const { certificates: all } = (await product.loadBalancer(NAME)).status;
  const known = new Map(
    all.map(({ domain, state, serial }) => [domain, state === 'active' ? serial : undefined]),
  );
  return domains.map((domain) => known.get(domain));
}

async function countServed({ pebble, domains }: Bench): Promise<number> {
  const ca = await pebble.root();
  let count = 0;
  for (const name of domains) if ((await handshake(ADDRESS, { name, ca })).authorized) count += 1;
  return count;
}
