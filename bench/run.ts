import { certificates } from './experiments/certificates.ts';
import { changeLatency } from './experiments/change-latency.ts';
import { cli } from './experiments/cli.ts';
import { failover } from './experiments/failover.ts';
import { featureCost } from './experiments/feature-cost.ts';
import { footprint } from './experiments/footprint.ts';
import { handshakes } from './experiments/handshakes.ts';
import { nothingDropped } from './experiments/nothing-dropped.ts';
import { oldWorkers } from './experiments/old-workers.ts';
import { recovery } from './experiments/recovery.ts';
import { reuseRace } from './experiments/reuse-race.ts';
import { scale } from './experiments/scale.ts';
import { throughput } from './experiments/throughput.ts';
import type { ExperimentOptions } from './support/options.ts';
import { type Scope, createScope } from './support/scope.ts';

type Experiment = (scope: Scope, print: (text: string) => void, options: ExperimentOptions) => Promise<void>;

const EXPERIMENTS: Record<string, Experiment> = {
  'change-latency': changeLatency,
  throughput,
  footprint,
  cli,
  recovery,
  failover,
  'nothing-dropped': nothingDropped,
  'feature-cost': featureCost,
  'reuse-race': reuseRace,
  scale,
  'old-workers': oldWorkers,
  handshakes,
  certificates,
};

const QUICK = '--quick';

await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<void> {
  const names = args.filter((arg) => arg !== QUICK);
  const options = { isQuick: args.includes(QUICK) };
  const unknown = names.filter((name) => !Object.hasOwn(EXPERIMENTS, name));
  if (unknown.length > 0) {
    console.error(`no experiment ${unknown.join(', ')}; there are: ${Object.keys(EXPERIMENTS).join(', ')}`);
    process.exitCode = 2;
    return;
  }
  for (const [name, experiment] of Object.entries(EXPERIMENTS)) {
    if (names.length === 0 || names.includes(name)) await runExperiment(name, experiment, options);
  }
}

/** Runs one experiment with parts of its own, and ends them whatever happens. */
async function runExperiment(
  name: string,
  experiment: Experiment,
  options: ExperimentOptions,
): Promise<void> {
  const scope = createScope();
  const leave = (why: string, code: number) => {
    console.error(`\n${name}: ${why}; stopping what runs …`);
    void scope.end().then(() => process.exit(code));
  };
  const onSignal = () => leave('interrupted', 130);
  const onAccident = (error: unknown) => leave(`failed: ${String(error)}`, 1);
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal).on('uncaughtException', onAccident);
  console.log(`## ${name}\n`);
  try {
    await experiment(scope, console.log, options);
  } catch (error) {
    // What is being stopped fails whatever still uses it, and that is no news.
    if (scope.hasEnded) return;
    console.error(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exitCode = 1;
  } finally {
    await scope.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal).off('uncaughtException', onAccident);
  }
}
