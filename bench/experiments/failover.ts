import { type Cluster, createCluster } from '../../test/support/floating/cluster.ts';
import { FAULTS, type Fault, strike, strikeAnnounced } from '../../test/support/floating/faults.ts';
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

/** What a client that asks every 10 ms notices when something happens to a node: of two, and of three by VRRP and by BGP. */
export async function failover(
  scope: Scope,
  print: (text: string) => void,
  { isQuick }: ExperimentOptions,
): Promise<void> {
  if (process.getuid?.() !== 0) return print('Left out: it needs root, to make networks.');
  const runs = isQuick ? 1 : RUNS;
  const floated = await scope.use(
    () => createCluster(2),
    (started) => started.end(),
  );
  print('Two nodes, one of which has the address (VRRP):\n');
  await compare(print, Object.values(FAULTS), runs, (fault) => measure(floated, fault));
  const spread = await scope.use(
    () => createCluster(3, {}, { isSpread: true }),
    (started) => started.end(),
  );
  print(
    '\nThree nodes with an address each (VRRP), of which the client asks that of the node that it happens to:\n',
  );
  await compare(print, Object.values(FAULTS), runs, (fault, run) => measureSpread(spread, fault, run % 3));
  const announced = await scope.use(
    () => createCluster(3, {}, { isAnnounced: true }),
    (started) => started.end(),
  );
  print('\nThree nodes, all of which announce the address (BGP):\n');
  await compare(print, Object.values(FAULTS), runs, (fault, run) =>
    measureAnnounced(announced, fault, run % 3),
  );
}

async function compare(
  print: (text: string) => void,
  faults: readonly Fault[],
  runs: number,
  once: (fault: Fault, run: number) => Promise<HammerResult>,
): Promise<void> {
  const outcomes = new Map<Fault, HammerResult[]>();
  for (const fault of faults) {
    const results: HammerResult[] = [];
    for (let run = 0; run < runs; run++) results.push(await once(fault, run));
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

async function measureSpread(cluster: Cluster, fault: Fault, victim: number): Promise<HammerResult> {
  await cluster.allAtHome();
  const result = await cluster.during(async () => {
    await sleep(BEFORE_MS);
    await strike(cluster, fault, victim);
    await sleep(AFTER_MS);
  }, victim);
  await fault.mend?.(cluster, victim);
  if (cluster.report(victim)?.node?.isLastResort) await cluster.back(victim);
  await cluster.allAtHome();
  return result;
}

async function measureAnnounced(cluster: Cluster, fault: Fault, victim: number): Promise<HammerResult> {
  await cluster.routedTo(0, 1, 2);
  const result = await cluster.during(async () => {
    await sleep(BEFORE_MS);
    await strikeAnnounced(cluster, fault, victim);
    await sleep(AFTER_MS);
  });
  await fault.mend?.(cluster, victim);
  if (cluster.report(victim)?.node?.role === 'standby') await cluster.back(victim);
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
