import type { Failure } from '../../support/busy/types.ts';
import { CLIENT_KINDS, type Seen } from '../../support/busy/types.ts';
import { percentile, sum } from '../../support/statistics.ts';
import { ms, table } from '../../support/table.ts';
import type { Made } from './changes.ts';

/** What clients of one proxy have seen while it changed. */
export interface Run {
  name: string;
  changes: number;
  reloads: number;
  before: Seen;
  after: Seen;
  failures: readonly Failure[];
}

/** Failures of the clients that count: refused requests do not, for their clients know that they may send them again. */
export function dropped({ before, after }: Run): number {
  return sum(CLIENT_KINDS.map((kind) => after[kind].failed - before[kind].failed));
}

/** One row for each kind of client, for each proxy how many were served and how many were not. */
export function clientsTable(runs: readonly Run[]): string {
  const columns = [
    '',
    ...runs.flatMap(({ name, changes, reloads }) => [
      `${name}: ${changes} changes, ${reloads} reloads; ok`,
      'failed',
      'refused',
    ]),
  ];
  const rows = CLIENT_KINDS.map((kind) => [
    kind,
    ...runs.flatMap(({ before, after }) => {
      const count = (field: 'ok' | 'failed' | 'refused') => after[kind][field] - before[kind][field];
      return count('ok') === 0 && count('failed') === 0
        ? ['-', '-', '-']
        : [count('ok'), count('failed'), count('refused')].map(String);
    }),
  ]);
  return table(columns, rows);
}

/** What was wrong, for each kind of client. */
export function faultLines({ name, before, after }: Run): string[] {
  return CLIENT_KINDS.flatMap((kind) => {
    const faults = Object.entries(after[kind].faults)
      .map(([fault, count]) => [fault, count - (before[kind].faults[fault] ?? 0)] as const)
      .filter(([, count]) => count > 0);
    if (faults.length === 0) return [];
    return [`- ${name}, ${kind}: ${faults.map(([fault, count]) => `${fault} (${count})`).join(', ')}`];
  });
}

/** One row for each kind of change. */
export function changesTable(made: readonly Made[], failures: readonly Failure[]): string {
  const rows = [...Map.groupBy(made, ({ kind }) => kind)].map(([kind, list]) => {
    const receipts = list.flatMap(({ receipt }) => (receipt ? [receipt] : []));
    const felt = list.flatMap(({ feltAt, sentAt }) => (feltAt === undefined ? [] : [feltAt - sentAt]));
    return [
      kind,
      String(list.length),
      pathsOf(list),
      ...[0.5, 0.99].map((share) =>
        cell(
          receipts.map(({ durationMs }) => durationMs),
          share,
        ),
      ),
      ...[0.5, 0.99].map((share) =>
        cell(
          list.map(({ liveAt, sentAt }) => liveAt - sentAt),
          share,
        ),
      ),
      ...[0.5, 0.99].map((share) => cell(felt, share)),
      String(failures.filter((failure) => causeOf(failure, made)?.kind === kind).length),
    ];
  });
  const columns = [
    'change',
    'times',
    'path',
    'receipt p50 ms',
    'p99',
    'sent → live p50 ms',
    'p99',
    'sent → felt p50 ms',
    'p99',
    'dropped',
  ];
  return table(columns, rows);
}

/** The change during or after which something failed: the last that had been sent by then. */
export function causeOf({ at }: Failure, made: readonly Made[]): Made | undefined {
  return made.findLast(({ sentAt }) => sentAt <= at);
}

export function failureLine(failure: Failure, made: readonly Made[]): string {
  const cause = causeOf(failure, made);
  const when = cause
    ? `${ms(failure.at - cause.sentAt)} ms after "${cause.kind}" was sent (${cause.receipt?.path ?? 'no receipt'}, live after ${ms(cause.liveAt - cause.sentAt)} ms)`
    : 'before any change';
  return `- ${failure.kind}: ${failure.fault}, ${when}`;
}

function pathsOf(list: readonly Made[]): string {
  const paths = Map.groupBy(list, ({ receipt }) =>
    receipt ? (receipt.outcome === 'applied' ? receipt.path : receipt.outcome) : 'no revision',
  );
  return [...paths].map(([path, { length }]) => (paths.size === 1 ? path : `${path} ${length}`)).join(', ');
}

function cell(values: readonly number[], share: number): string {
  return values.length === 0 ? '' : ms(percentile(values, share));
}
