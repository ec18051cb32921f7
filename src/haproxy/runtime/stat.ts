import { inTurns } from '../../base/turns.ts';

/** What a worker tells of one server (`show stat`, management guide, section 9.1). */
export interface ServerStat {
  pool: string;
  name: string;
  /** HAProxy's numeric id of the server within its pool. */
  id: number;
  /** `UP`, `DOWN`, `DRAIN`, `MAINT`, `no check` or a transition such as `UP 1/3` or `DOWN 1/2`. */
  status: string;
  weight: number;
  backup: boolean;
  maxConnections: number;
  /** Sessions now. */
  sessions: number;
  /** Seconds since the last change between up and down. */
  secondsSinceChange: number;
  /** Whether a check is running now: HAProxy then tells of the one before its status, but no words. */
  isChecking: boolean;
  /** Kind of the last check's result: `L4OK`, `L4CON`, `L7STS`, …; empty before the first; `INI` likewise. */
  checkStatus: string;
  /** Status of the layer 5-7 answer, e.g. an HTTP status. */
  checkCode: string;
  /** Milliseconds that the last check took. */
  checkDurationMs: number;
  /** What the last check got, in HAProxy's words. */
  lastCheck: string;
  fall: number;
  /** Errors of live traffic that were held against it. */
  passiveErrors: number;
  /** How often it went from up to down. */
  downs: number;
  address: string;
}

/** Type 4 is servers; -1 every proxy. */
export const SHOW_SERVER_STATS = 'show stat -1 4 -1';

/** The same with the frontends and backends (types 1 and 2). */
export const SHOW_ALL_STATS = 'show stat -1 7 -1';
/** Frontends alone: cheap, however many servers there are. */
export const SHOW_FRONTEND_STATS = 'show stat -1 1 -1';
/** Backends alone: cheap likewise. */
export const SHOW_BACKEND_STATS = 'show stat -1 2 -1';

/** An answer to `show stat`, taken apart. */
export interface StatTable {
  columns: ReadonlyMap<string, number>;
  rows: readonly (readonly string[])[];
}

/** What a row is about; the column `type` has its index. */
const ROW_TYPES = ['frontend', 'backend', 'server', 'listener'] as const;
type RowType = (typeof ROW_TYPES)[number];

/** @returns undefined when the text is no statistics, as when there is no such worker. */
export function parseStatTable(text: string): StatTable | undefined {
  const [header = '', ...lines] = text.split('\n');
  if (!header.startsWith('# pxname,')) return undefined;
  const names = header.slice(2).split(',');
  return {
    columns: new Map(names.map((name, index) => [name, index])),
    rows: lines.filter((line) => line !== '').map(splitCsv),
  };
}

/** The same for very many rows: lets others have their turn in between. */
export async function readStatTable(text: string): Promise<StatTable | undefined> {
  const [header = '', ...lines] = text.split('\n');
  const head = parseStatTable(header);
  if (!head) return undefined;
  const rows: (readonly string[])[] = [];
  for await (const part of inTurns(lines))
    for (const line of part) if (line !== '') rows.push(splitCsv(line));
  return { ...head, rows };
}

export function rowType({ columns }: StatTable, row: readonly string[]): RowType | undefined {
  return ROW_TYPES[Number(row[columns.get('type') ?? -1])];
}

/** The servers among the rows. */
export function serverStats(table: StatTable): ServerStat[] {
  return table.rows
    .filter((row) => rowType(table, row) === 'server')
    .map((row) => toStat(row, table.columns));
}

/** The same for very many servers: lets others have their turn in between. */
export async function readServerStats(text: string): Promise<ServerStat[]> {
  const table = await readStatTable(text);
  const stats: ServerStat[] = [];
  if (table) for await (const rows of inTurns(table.rows)) stats.push(...serverStats({ ...table, rows }));
  return stats;
}

export function parseServerStats(text: string): ServerStat[] {
  const table = parseStatTable(text);
  return table ? serverStats(table) : [];
}

function toStat(row: readonly string[], columns: ReadonlyMap<string, number>): ServerStat {
  const text = (name: string) => row[columns.get(name) ?? -1] ?? '';
  const number = (name: string) => Number(text(name) || 0);
  return {
    pool: text('pxname'),
    name: text('svname'),
    id: number('sid'),
    status: text('status'),
    weight: number('weight'),
    backup: text('bck') === '1',
    maxConnections: number('slim'),
    sessions: number('scur'),
    secondsSinceChange: number('lastchg'),
    // A star marks a check that is running now; the rest is of the one before.
    isChecking: text('check_status').startsWith('*'),
    checkStatus: text('check_status').replace(/^\* ?/, ''),
    checkCode: text('check_code'),
    checkDurationMs: number('check_duration'),
    lastCheck: text('last_chk'),
    fall: number('check_fall'),
    passiveErrors: number('hanafail'),
    downs: number('chkdown'),
    address: text('addr'),
  };
}

/** Splits one line of RFC 4180 CSV: `last_chk` may be quoted and hold commas. */
function splitCsv(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const parts = line.split('"');
  // Quotes within quotes leave nothing between two of them; commas in between are no commas between cells.
  const isPlain = parts.every((part, index) =>
    index % 2 === 0 ? part !== '' || index === parts.length - 1 : !part.includes(','),
  );
  if (isPlain) return line.replaceAll('"', '').split(',');
  return [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell = '']) =>
    cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
  );
}

/** What the last check of a server came to; `none` before the first. */
export function lastCheckResult({
  checkStatus,
}: Pick<ServerStat, 'checkStatus'>): 'passed' | 'failed' | 'none' {
  if (checkStatus === '' || checkStatus.startsWith('INI')) return 'none';
  return /^L\dOK/.test(checkStatus) ? 'passed' : 'failed';
}
