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
  /** Kind of the last check's result: `L4OK`, `L4CON`, `L7STS`, …; empty before the first; `INI` likewise. */
  checkStatus: string;
  /** Status of the layer 5-7 answer, e.g. an HTTP status. */
  checkCode: string;
  /** Milliseconds that the last check took. */
  checkDurationMs: number;
  /** What the last check got, in HAProxy's words. */
  lastCheck: string;
  fall: number;
  address: string;
}

/** Type 4 is servers; -1 every proxy. */
export const SHOW_SERVER_STATS = 'show stat -1 4 -1';

export function parseServerStats(text: string): ServerStat[] {
  const [header = '', ...rows] = text.split('\n');
  const columns = new Map(
    header
      .replace(/^# /, '')
      .split(',')
      .map((name, index) => [name, index]),
  );
  return rows.filter((row) => row !== '').map((row) => toStat(splitCsv(row), columns));
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
    checkStatus: text('check_status').replace(/^\* ?/, ''),
    checkCode: text('check_code'),
    checkDurationMs: number('check_duration'),
    lastCheck: text('last_chk'),
    fall: number('check_fall'),
    address: text('addr'),
  };
}

/** Splits one line of RFC 4180 CSV: `last_chk` may be quoted and hold commas. */
function splitCsv(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
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
