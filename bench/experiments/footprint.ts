import type { Product } from '../../test/support/product.ts';
import { now, sleep } from '../support/clock.ts';
import { startOrigin } from '../support/haproxy.ts';
import { HEALTH_CHECK, createLoadBalancer, proxyPidsOf, useProduct } from '../support/managed.ts';
import type { Scope } from '../support/scope.ts';
import { sum } from '../support/statistics.ts';
import { table } from '../support/table.ts';
import { type Memory, cpuMicroseconds, memoryOf } from '../support/usage.ts';

const BACKENDS = 2;
const COUNTS = [1, 20];
const IDLE_SECONDS = 30;
/** What starting costs is over by then. */
const SETTLE_MS = 3000;

/** Processes that are told in one row. */
interface Part {
  name: string;
  pids: number[];
}

/** Memory and CPU of everything that runs while nobody asks for anything. */
export async function footprint(scope: Scope, print: (text: string) => void): Promise<void> {
  const { targets } = await scope.use(
    () => startOrigin(BACKENDS),
    (origin) => origin.stop(),
  );
  const product = await useProduct(scope);
  const names: string[] = [];
  for (const count of COUNTS) {
    while (names.length < count) {
      const name = `bench-${names.length + 1}`;
      names.push(name);
      await createLoadBalancer(product, name, {
        type: 'http',
        backends: targets.map((target) => ({ target })),
        healthCheck: HEALTH_CHECK,
      });
    }
    await sleep(SETTLE_MS);
    const parts = await partsOf(product, names);
    print(
      `### ${count} load balancer${count === 1 ? '' : 's'} of ${BACKENDS} backends, idle for ${IDLE_SECONDS} s\n`,
    );
    print(`${await measure(parts)}\n`);
  }
}

async function partsOf(product: Product, names: readonly string[]): Promise<Part[]> {
  const { up, server, agent } = await product.pids();
  const proxies = await Promise.all(names.map(async (name) => proxyPidsOf(await product.loadBalancer(name))));
  const times = names.length === 1 ? '' : ` (× ${names.length})`;
  return [
    { name: 'up', pids: [up] },
    { name: 'control plane', pids: [server] },
    { name: 'agent', pids: [agent] },
    { name: `HAProxy master${times}`, pids: proxies.map(({ master }) => master) },
    { name: `HAProxy worker${times}`, pids: proxies.map(({ worker }) => worker) },
  ];
}

async function measure(parts: readonly Part[]): Promise<string> {
  const begun = now();
  const before = await Promise.all(parts.map(cpuOf));
  await sleep(IDLE_SECONDS * 1000);
  const after = await Promise.all(parts.map(cpuOf));
  const elapsed = (now() - begun) * 1000;
  const used = await Promise.all(
    parts.map(async ({ pids }, index) => ({
      memory: await Promise.all(pids.map(memoryOf)),
      cpu: (((after[index] ?? Number.NaN) - (before[index] ?? Number.NaN)) / elapsed) * 100,
    })),
  );
  const row = (name: string, memory: readonly Memory[], cpu: number) => [
    name,
    sum(memory.map(({ pss }) => pss)).toFixed(1),
    sum(memory.map(({ rss }) => rss)).toFixed(1),
    cpu.toFixed(2),
  ];
  const rows = parts.map(({ name }, index) =>
    row(name, used[index]?.memory ?? [], used[index]?.cpu ?? Number.NaN),
  );
  const all = row(
    'all',
    used.flatMap(({ memory }) => memory),
    sum(used.map(({ cpu }) => cpu)),
  );
  return table(['', 'PSS MiB', 'RSS MiB', '% of a core'], [...rows, all]);
}

async function cpuOf({ pids }: Part): Promise<number> {
  return sum(await Promise.all(pids.map(cpuMicroseconds)));
}
