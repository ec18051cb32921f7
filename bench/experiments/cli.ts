import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../../test/support/product.ts';
import { now } from '../support/clock.ts';
import { startOrigin } from '../support/haproxy.ts';
import { HEALTH_CHECK, createLoadBalancer, useProduct } from '../support/managed.ts';
import type { Scope } from '../support/scope.ts';
import { percentile } from '../support/statistics.ts';
import { ms, table, verdict } from '../support/table.ts';

const RUNS = 30;
const AIM_MS = 150;

const run = promisify(execFile);

/** How long a command takes that does next to nothing. */
export async function cli(scope: Scope, print: (text: string) => void): Promise<void> {
  const { targets } = await scope.use(
    () => startOrigin(2),
    (origin) => origin.stop(),
  );
  const product = await useProduct(scope);
  await createLoadBalancer(product, 'bench', {
    type: 'http',
    backends: targets.map((target) => ({ target })),
    healthCheck: HEALTH_CHECK,
  });
  const env = { ...process.env, AGENTMETAL_URL: product.url, AGENTMETAL_API_KEY: product.key };
  const commands = [
    { name: 'agentmetal lb list', file: join(ROOT, 'bin/agentmetal'), args: ['lb', 'list'] },
    { name: 'agentmetal --version', file: join(ROOT, 'bin/agentmetal'), args: ['--version'] },
    { name: 'node -e 0', file: process.execPath, args: ['-e', '0'] },
  ].map((command) => ({ ...command, times: [] as number[] }));
  for (const { file, args } of commands) await run(file, args, { env });
  for (let index = 0; index < RUNS; index++) {
    for (const { file, args, times } of commands) {
      const begun = now();
      await run(file, args, { env });
      times.push(now() - begun);
    }
  }
  const rows = commands.map(({ name, times }) => [
    name,
    ...[0, 0.5, 0.95].map((share) => ms(percentile(times, share))),
  ]);
  const typical = percentile(commands[0]?.times ?? [], 0.5);
  print(`### Wall time of a command (${RUNS} runs each, in turn)\n`);
  print(table(['', 'least ms', 'p50', 'p95'], rows));
  print(
    `\n${verdict(typical < AIM_MS, `\`agentmetal lb list\` takes < ${AIM_MS} ms (p50 ${ms(typical)})`)}\n`,
  );
}
