import { type Cluster, createCluster } from '../../test/support/floating/cluster.ts';
import { FAULTS, type Fault, strike } from '../../test/support/floating/faults.ts';
import type { HammerResult } from '../../test/support/floating/hammer.ts';
import { sleep } from '../support/clock.ts';
import type { ExperimentOptions } from '../support/options.ts';
import type { Scope } from '../support/scope.ts';
import { median, sum } from '../support/statistics.ts';
import { ms, table, verdict } from '../support/table.ts';

const RUNS = 10;
/** The client asks for so long before the fault, and after the other node has taken over. */
const BEFORE_MS = 500;
const AFTER_MS = 1000;

interface Aim {
  of: Fault;
  text: string;
  isMet(results: readonly HammerResult[]): boolean;
}

const gapsOf = (results: readonly HammerResult[]) => results.map(({ longestGapMs }) => longestGapMs);

const AIMS: Aim[] = [
  {
    of: FAULTS.haproxyKilled,
    text: 'HAProxy killed: a gap of less than 150 ms (median)',
    isMet: (results) => median(gapsOf(results)) < 150,
  },
  {
    of: FAULTS.machineKilled,
    text: 'machine killed: a gap of less than 400 ms (median)',
    isMet: (results) => median(gapsOf(results)) < 400,
  },
  {
    of: FAULTS.gracefulStop,
    text: 'failover asked for: no request failed',
    isMet: (results) => sum(results.map(({ failed }) => failed)) === 0,
  },
];

/** What a client that asks every 10 ms notices when something happens to the active one of two nodes. */
export async function failover(
  scope: Scope,
  print: (text: string) => void,
  { isQuick }: ExperimentOptions,
): Promise<void> {
  if (process.getuid?.() !== 0) return print('Left out: it needs root, to make networks.');
  const cluster = await scope.use(
    () => createCluster(2),
    (started) => started.end(),
  );
  const outcomes = new Map<Fault, HammerResult[]>();
  for (const fault of Object.values<Fault>(FAULTS)) {
    const results: HammerResult[] = [];
    for (let run = 0; run < (isQuick ? 1 : RUNS); run++) results.push(await measure(cluster, fault));
    outcomes.set(fault, results);
  }
  print(table(COLUMNS, [...outcomes].map(row)));
  print('');
  for (const { of, text, isMet } of AIMS) print(verdict(isMet(outcomes.get(of) ?? []), text));
}

async function measure(cluster: Cluster, fault: Fault): Promise<HammerResult> {
  const victim = await cluster.settled();
  const result = await cluster.during(async () => {
    await sleep(BEFORE_MS);
    await strike(cluster, fault, victim);
    await sleep(AFTER_MS);
  });
  await fault.mend?.(cluster, victim);
  return result;
}

const COLUMNS = ['', 'runs', 'failed, median', 'worst', 'longest gap ms, median', 'worst '];

function row([{ name }, results]: [Fault, HammerResult[]]): string[] {
  const failed = results.map((result) => result.failed);
  const gaps = gapsOf(results);
  return [
    name,
    String(results.length),
    String(median(failed)),
    String(Math.max(...failed)),
    ms(median(gaps)),
    ms(Math.max(...gaps)),
  ];
}
