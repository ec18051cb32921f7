import type { BackendTraffic, NodeStats, OldWorker, PoolTraffic, Stats } from '../../api/stats.ts';
import { formatAge } from './age.ts';
import { formatAmount, formatRate } from './amount.ts';
import { type Section, renderSections } from './sections.ts';
import { paintState } from './state.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

/** Members of an old worker's list that a line has room for. */
const SHOWN_HOLDERS = 3;

interface Row {
  pool: string;
  backend: string;
  state: string;
  traffic: Omit<BackendTraffic, 'target' | 'state'> & Pick<PoolTraffic, 'percentilesMs'>;
}

/** Statistics for people: a line for each pool and backend, their sum, and the processes that serve them. */
export function renderStats(stats: Stats, { now, style }: { now: number; style: Style }): string {
  const old = stats.nodes.flatMap((node) => node.old.map((worker) => ({ machine: node.machine, worker })));
  return renderSections([
    { table: renderTable(trafficColumns(style), rowsOf(stats)) },
    errorSection(stats),
    ...(stats.nodes.length > 1 || stats.nodes.some(({ problem }) => problem)
      ? [nodeSection(stats, style)]
      : []),
    { title: 'Workers', table: renderTable(workerColumns(now), stats.nodes.flatMap(workerRows)) },
    ...(old.length > 0 ? [oldSection(old, now)] : []),
  ]);
}

function rowsOf({ pools, total }: Stats): Row[] {
  return [
    ...pools.flatMap(({ name, backends, ...traffic }) => [
      ...backends.map(({ target, state, ...own }) => ({ pool: name, backend: target, state, traffic: own })),
      { pool: name, backend: '(all)', state: '', traffic },
    ]),
    { pool: 'total', backend: '', state: '', traffic: total },
  ];
}

function trafficColumns(style: Style): Array<Column<Row>> {
  const rate = (heading: string, value: (row: Row['traffic']) => number, paint?: 'red' | 'yellow') => ({
    heading,
    cell: ({ traffic }: Row) => formatRate(value(traffic)),
    paint: (text: string, { traffic }: Row) => (paint && value(traffic) > 0 ? style(paint, text) : text),
  });
  return [
    { heading: 'POOL', cell: ({ pool }) => pool },
    { heading: 'BACKEND', cell: ({ backend }) => backend },
    { heading: 'STATE', cell: ({ state }) => state, paint: (text) => paintState(style, text) },
    rate('REQ/S', ({ perSecond }) => perSecond.requests),
    rate('2XX/S', ({ perSecond }) => perSecond.responses['2xx']),
    rate('4XX/S', ({ perSecond }) => perSecond.responses['4xx'], 'yellow'),
    rate('5XX/S', ({ perSecond }) => perSecond.responses['5xx'], 'red'),
    { heading: 'CONN', cell: ({ traffic }) => String(traffic.connections) },
    { heading: 'QUEUE', cell: ({ traffic }) => String(traffic.queue) },
    { heading: 'AVG-MS', cell: ({ traffic }) => milliseconds(traffic.averageMs?.total) },
    { heading: 'P99-MS', cell: ({ traffic }) => milliseconds(traffic.percentilesMs?.p99) },
    { heading: 'IN/S', cell: ({ traffic }) => formatAmount(traffic.perSecond.bytesIn) },
    { heading: 'OUT/S', cell: ({ traffic }) => formatAmount(traffic.perSecond.bytesOut) },
    { heading: 'REQUESTS', cell: ({ traffic }) => formatAmount(traffic.totals.requests) },
    { heading: '5XX', cell: ({ traffic }) => formatAmount(traffic.totals.responses['5xx']) },
  ];
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? '' : formatRate(value);
}

/** What went wrong since the beginning; what never did is left out. */
function errorSection({ total: { totals } }: Stats): Section {
  const rows: Array<readonly [string, number]> = [
    ['Denied', totals.denied],
    ['Bad requests', totals.requestErrors],
    ['Failed connections', totals.connectErrors],
    ['Broken answers', totals.responseErrors],
    ['Retries', totals.retries],
    ['To another backend', totals.redispatches],
  ];
  return {
    rows: rows.filter(([, value]) => value > 0).map(([key, value]) => [key, formatAmount(value)] as const),
  };
}

/** What each of several nodes has of it. */
function nodeSection({ nodes }: Stats, style: Style): Section {
  const figure = (
    heading: string,
    value: (total: NonNullable<NodeStats['total']>) => string,
  ): Column<NodeStats> => ({
    heading,
    cell: ({ total }) => (total ? value(total) : ''),
  });
  const columns: Array<Column<NodeStats>> = [
    { heading: 'NODE', cell: ({ machine }) => machine },
    figure('REQ/S', ({ perSecond }) => formatRate(perSecond.requests)),
    figure('5XX/S', ({ perSecond }) => formatRate(perSecond.responses['5xx'])),
    figure('CONN', ({ connections }) => String(connections)),
    figure('P99-MS', ({ percentilesMs }) => milliseconds(percentilesMs?.p99)),
    figure('REQUESTS', ({ totals }) => formatAmount(totals.requests)),
    { heading: 'PROBLEM', cell: ({ problem }) => problem ?? '', paint: (text) => style('red', text) },
  ];
  const hasProblem = nodes.some(({ problem }) => problem);
  return { title: 'Nodes', table: renderTable(hasProblem ? columns : columns.slice(0, -1), nodes) };
}

interface WorkerRow {
  machine: string;
  role: string;
  pid: number;
  startedAt: string;
  connections: number;
}

function workerRows({ machine, serving, old }: NodeStats): WorkerRow[] {
  return [
    ...(serving ? [{ machine, role: 'serving', ...serving }] : []),
    ...old.map(({ pid, startedAt, connections }) => ({ machine, role: 'old', pid, startedAt, connections })),
  ];
}

function workerColumns(now: number): Array<Column<WorkerRow>> {
  return [
    { heading: 'MACHINE', cell: ({ machine }) => machine },
    { heading: 'PID', cell: ({ pid }) => String(pid) },
    { heading: 'ROLE', cell: ({ role }) => role },
    { heading: 'AGE', cell: ({ startedAt }) => formatAge(startedAt, now) },
    { heading: 'CONNECTIONS', cell: ({ connections }) => String(connections) },
  ];
}

/** What keeps workers from before a reload alive. */
function oldSection(old: readonly { worker: OldWorker }[], now: number): Section {
  const rows = old.map(({ worker }) => [String(worker.pid), keptBy(worker, now)] as const);
  return { title: 'Old workers end with their last connection', rows };
}

function keptBy({ replacedAt, replacedBy, connections, held }: OldWorker, now: number): string {
  const reload =
    replacedAt === undefined
      ? 'replaced before the agent began'
      : `replaced ${formatAge(replacedAt, now)} ago${replacedBy === undefined ? '' : `, revision ${replacedBy}`}`;
  const busy = held.reduce((sum, each) => sum + each.connections, 0);
  const holders = held
    .slice(0, SHOWN_HOLDERS)
    .map(({ pool, target, connections }) => `${connections} to ${target} (${pool})`);
  const more = held.length > SHOWN_HOLDERS ? [`${held.length - SHOWN_HOLDERS} more backends`] : [];
  const idle = connections > busy ? [`${connections - busy} idle`] : [];
  const holds = [...holders, ...more, ...idle];
  return `${reload}; holds ${holds.length > 0 ? holds.join(', ') : 'nothing any more'}`;
}
